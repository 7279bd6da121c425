import type { InjectionToken } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE } from '../config/tokens';
import { OutboxUpkeep } from './outbox-upkeep';

/**
 * Injection token of the {@link OutboxUpkeep} of a data source, for `@Inject` and `moduleRef.get`.
 *
 * @param dataSource name of the data source; default: `default`, whose token is the class itself
 */
export function getUpkeepToken(dataSource: string = DEFAULT_DATA_SOURCE): InjectionToken<OutboxUpkeep> {
  return dataSource === DEFAULT_DATA_SOURCE ? OutboxUpkeep : `nestjs-outboxed:upkeep:${dataSource}`;
}
