import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule, getDataSourceToken } from '@nestjs/typeorm';
import { OutboxModule, OutboxRepository, type OutboxEvent, type OutboxModuleOptions } from 'nestjs-outboxed';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { endedAtLast } from './cleanup';
import { Item } from './item.entity';

export interface OutboxApp {
  readonly module: TestingModule;
  readonly dataSource: DataSource;
  readonly outbox: OutboxRepository;
  /** What was logged at the levels log, warn and error. */
  readonly logs: readonly string[];
  close(): Promise<void>;
}

export interface OutboxAppOptions {
  url: string;
  /** Default: a process that only writes. */
  outbox?: OutboxModuleOptions;
  typeorm?: Partial<DataSourceOptions>;
  imports?: (Type | DynamicModule)[];
  providers?: Provider[];
}

/** A running application with the outbox, an entity {@link Item}, and the given providers. */
export async function startOutboxApp({
  url,
  outbox = { relay: false },
  typeorm = {},
  imports = [],
  providers = [],
}: OutboxAppOptions): Promise<OutboxApp> {
  const module = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url,
        autoLoadEntities: true,
        synchronize: true,
        retryAttempts: 0,
        ...typeorm,
      } as Parameters<typeof TypeOrmModule.forRoot>[0]),
      TypeOrmModule.forFeature([Item]),
      OutboxModule.forRoot(outbox),
      ...imports,
    ],
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
