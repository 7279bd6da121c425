import type { InjectionToken } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE } from '../config/tokens';
import { EventRelayWorker } from './event-relay.worker';

/**
 * Injection token of the {@link EventRelayWorker} of a data source, for `moduleRef.get`.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getRelayToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken<EventRelayWorker> {
  return dataSource === DEFAULT_DATA_SOURCE ? EventRelayWorker : `nestjs-outboxed:relay:${dataSource}`;
}
