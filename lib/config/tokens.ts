/** Name of TypeORM's data source where none is given. */
export const DEFAULT_DATA_SOURCE = 'default';

/** Injection token of what `@Outboxed` calls, for a data source. */
export function outboxedToken(dataSource: string): string {
  return `nestjs-outboxed:outboxed:${dataSource}`;
}

/** Injection token of the checked options, for a data source. */
export function optionsToken(dataSource: string): string {
  return `nestjs-outboxed:options:${dataSource}`;
}

/** Injection token of what the parts of the outbox share, for a data source. */
export function connectionToken(dataSource: string): string {
  return `nestjs-outboxed:connection:${dataSource}`;
}

/** Injection token of the publisher, for a data source. */
export function publisherToken(dataSource: string): string {
  return `nestjs-outboxed:publisher:${dataSource}`;
}

/** Injection token of what writes events, for a data source: the real one, also where a test has overridden `OutboxRepository`. */
export function writerToken(dataSource: string): string {
  return `nestjs-outboxed:writer:${dataSource}`;
}

/** Injection token of what observes the outbox, for a data source. */
export function observationToken(dataSource: string): string {
  return `nestjs-outboxed:observation:${dataSource}`;
}
