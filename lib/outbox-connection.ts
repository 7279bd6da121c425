import type { ModulesContainer } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { connectionToken } from './config/tokens';
import {
  OutboxDataSourceMissingError,
  OutboxDataSourceNotInitializedError,
  OutboxDataSourceUnsupportedError,
  OutboxRegisteredTwiceError,
} from './errors/start-up.errors';
import { guardConnections } from './store/guard-connections';
import { OutboxTables } from './store/outbox-tables';
import { TransactionContext } from './transaction/transaction-context';

/** What the parts of an outbox share. */
export interface OutboxConnection {
  readonly dataSource: DataSource;
  readonly tables: OutboxTables;
  readonly transactions: TransactionContext;
}

/** Checks that the data source can hold an outbox, and enlists it. */
export function connect(name: string, dataSource: DataSource | undefined, modules: ModulesContainer): OutboxConnection {
  const registrations = [...modules.values()].filter((module) => module.providers.has(connectionToken(name)));
  if (registrations.length > 1) {
    throw new OutboxRegisteredTwiceError(name);
  }
  if (dataSource === undefined) {
    throw new OutboxDataSourceMissingError(name);
  }
  if (dataSource.options.type !== 'postgres') {
    throw new OutboxDataSourceUnsupportedError(name, dataSource.options.type);
  }
  if (!dataSource.isInitialized) {
    throw new OutboxDataSourceNotInitializedError(name);
  }
  guardConnections(dataSource);
  return {
    dataSource,
    tables: new OutboxTables(dataSource, name),
    transactions: TransactionContext.of(dataSource, name),
  };
}
