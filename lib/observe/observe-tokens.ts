import { Inject, type InjectionToken } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE } from '../config/tokens';
import { OutboxEvents } from './outbox-events';
import { OutboxTracing } from './tracing/outbox-tracing';

/**
 * Injection token of the {@link OutboxEvents} of a data source.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getEventsToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken<OutboxEvents> {
  return dataSource === DEFAULT_DATA_SOURCE ? OutboxEvents : `nestjs-outboxed:events:${dataSource}`;
}

/**
 * Injects the {@link OutboxEvents} of a data source.
 *
 * @param dataSource name of the data source; default: `default`
 */
export function InjectOutboxEvents(dataSource: string = DEFAULT_DATA_SOURCE): PropertyDecorator & ParameterDecorator {
  return Inject(getEventsToken(dataSource));
}

/**
 * Injection token of the {@link OutboxTracing} of a data source.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getTracingToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken<OutboxTracing> {
  return dataSource === DEFAULT_DATA_SOURCE ? OutboxTracing : `nestjs-outboxed:tracing:${dataSource}`;
}
