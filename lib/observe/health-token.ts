import { DEFAULT_DATA_SOURCE } from '../config/tokens';

/** Injection token of what the health indicator asks, for a data source. */
export function getHealthToken(dataSource: string = DEFAULT_DATA_SOURCE): string {
  return `nestjs-outboxed:health:${dataSource}`;
}
