import { Inject, type InjectionToken } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE } from '../config/tokens';
import { InboxDeadLetters } from './inbox-dead-letters';
import { OutboxDeadLetters } from './outbox-dead-letters';

/**
 * Injection token of the {@link OutboxDeadLetters} of a data source, for `overrideProvider` and `moduleRef.get`.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getDeadLettersToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken<OutboxDeadLetters> {
  return dataSource === DEFAULT_DATA_SOURCE ? OutboxDeadLetters : `nestjs-outboxed:dead-letters:${dataSource}`;
}

/**
 * Injects the {@link OutboxDeadLetters} of a data source.
 *
 * @param dataSource name of the data source; default: `default`
 */
export function InjectDeadLetters(dataSource: string = DEFAULT_DATA_SOURCE): PropertyDecorator & ParameterDecorator {
  return Inject(getDeadLettersToken(dataSource));
}

/**
 * Injection token of the {@link InboxDeadLetters} of a data source.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getInboxDeadLettersToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken<InboxDeadLetters> {
  return dataSource === DEFAULT_DATA_SOURCE ? InboxDeadLetters : `nestjs-outboxed:inbox-dead-letters:${dataSource}`;
}

/**
 * Injects the {@link InboxDeadLetters} of a data source.
 *
 * @param dataSource name of the data source; default: `default`
 */
export function InjectInboxDeadLetters(
  dataSource: string = DEFAULT_DATA_SOURCE,
): PropertyDecorator & ParameterDecorator {
  return Inject(getInboxDeadLettersToken(dataSource));
}
