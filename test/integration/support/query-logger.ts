import type { Logger } from 'typeorm';

/** A logger for a data source that hears each statement, and nothing else. */
export function queryLogger(onQuery: (query: string) => void): Logger {
  const nothing = (): void => undefined;
  return {
    logQuery: onQuery,
    logQueryError: nothing,
    logQuerySlow: nothing,
    logSchemaBuild: nothing,
    logMigration: nothing,
    log: nothing,
  };
}
