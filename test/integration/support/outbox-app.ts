import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule, getDataSourceToken } from '@nestjs/typeorm';
import {
  OutboxModule,
  OutboxRepository,
  OutboxTransactions,
  type OutboxEvent,
  type OutboxModuleOptions,
} from 'nestjs-outboxed';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { endedAtLast } from './cleanup';
import { Item } from './item.entity';

export interface OutboxApp {
  readonly module: TestingModule;
  readonly dataSource: DataSource;
  readonly outbox: OutboxRepository;
  readonly transactions: OutboxTransactions;
  /** What was logged at the levels log, warn and error. */
  readonly logs: readonly string[];
  close(): Promise<void>;
}

export interface OutboxAppOptions {
  url: string;
  /** Default: a process that only writes. */
  outbox?: OutboxModuleOptions;
  typeorm?: Partial<DataSourceOptions>;
  /** Makes the data source, as `dataSourceFactory` of `TypeOrmModule.forRootAsync`. */
  dataSourceFactory?: (options: DataSourceOptions) => Promise<DataSource>;
  imports?: (Type | DynamicModule)[];
  controllers?: Type[];
  providers?: Provider[];
}

/** A running application with the outbox, an entity {@link Item}, and the given providers. */
export async function startOutboxApp({
  url,
  outbox = { relay: false },
  typeorm = {},
  dataSourceFactory,
  imports = [],
  controllers = [],
  providers = [],
}: OutboxAppOptions): Promise<OutboxApp> {
  const options = {
    type: 'postgres',
    url,
    autoLoadEntities: true,
    synchronize: true,
    retryAttempts: 0,
    ...typeorm,
  } as NonNullable<Parameters<typeof TypeOrmModule.forRoot>[0]>;
  const module = await Test.createTestingModule({
    imports: [
      dataSourceFactory === undefined
        ? TypeOrmModule.forRoot(options)
        : TypeOrmModule.forRootAsync({
            useFactory: () => options,
            dataSourceFactory: (given) => dataSourceFactory(given as DataSourceOptions),
          }),
      TypeOrmModule.forFeature([Item]),
      OutboxModule.forRoot(outbox),
      ...imports,
    ],
    controllers,
    providers,
  }).compile();
  const logs: string[] = [];
  const keep = (message: unknown): void => void logs.push(String(message));
  module.useLogger({ log: keep, warn: keep, error: keep, debug: () => undefined, verbose: () => undefined });
  module.enableShutdownHooks([]);
  await module.init();
  return {
    module,
    dataSource: module.get<DataSource>(getDataSourceToken()),
    outbox: module.get(OutboxRepository),
    transactions: module.get(OutboxTransactions),
    logs,
    close: endedAtLast(() => module.close()),
  };
}

/** A valid event; give what matters in the test. */
export function anEvent(event: Partial<OutboxEvent> = {}): OutboxEvent {
  return {
    aggregateType: 'item',
    aggregateId: 'item-1',
    eventType: 'ItemChanged',
    topic: 'items',
    eventData: { n: 1 },
    ...event,
  };
}
