import { Module, type DynamicModule } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE, outboxedToken } from '../config/tokens';
import { getInboxToken } from '../inbox/inbox-tokens';
import { ActivityStream } from '../observe/activity-stream';
import { getEventsToken, getTracingToken } from '../observe/observe-tokens';
import { OpenTelemetryTracing } from '../observe/tracing/open-telemetry.tracing';
import type { OutboxTransactions } from '../transaction/outbox-transactions';
import type { OutboxRepository } from '../write/outbox.repository';
import { getOutboxToken, getTransactionsToken } from '../write/outbox-tokens';
import { TransactionalOutboxedRunner } from '../write/outboxed-runner';
import { TestingInbox } from './testing-inbox';
import { TestingOutboxRepository } from './testing-outbox.repository';
import { TestingTransactions } from './testing-transactions';

/**
 * Makes services with `@Outboxed` methods testable without database and broker: the methods run as they are, and their events land in a
 * {@link TestingOutboxRepository}, or in what `overrideProvider(OutboxRepository)` puts in its place. Methods with `@IdempotentConsumer` find a
 * {@link TestingInbox}. `OutboxEvents` and `OutboxTracing` are there, and do nothing.
 *
 * ```ts
 * const module = await Test.createTestingModule({ imports: [OutboxTestingModule.forRoot()], providers: [OrdersService, ...] }).compile();
 * const outbox = module.get<TestingOutboxRepository>(OutboxRepository);
 * ```
 */
@Module({})
export class OutboxTestingModule {
  /** @param options `dataSource`: name of the data source that is stood in for; default: `default` */
  static forRoot({ dataSource = DEFAULT_DATA_SOURCE }: { dataSource?: string } = {}): DynamicModule {
    const outbox = getOutboxToken(dataSource);
    const transactions = getTransactionsToken(dataSource);
    const inbox = getInboxToken(dataSource);
    return {
      module: OutboxTestingModule,
      global: true,
      providers: [
        { provide: getEventsToken(dataSource), useFactory: () => new ActivityStream() },
        { provide: getTracingToken(dataSource), useFactory: () => new OpenTelemetryTracing(null, '_OTHER') },
        { provide: transactions, useFactory: () => new TestingTransactions(dataSource) },
        {
          provide: outbox,
          inject: [transactions],
          useFactory: (current: OutboxTransactions) => new TestingOutboxRepository(current),
        },
        {
          provide: inbox,
          inject: [transactions],
          useFactory: (current: OutboxTransactions) => new TestingInbox(current),
        },
        {
          provide: outboxedToken(dataSource),
          inject: [transactions, outbox],
          useFactory: (current: OutboxTransactions, repository: OutboxRepository) =>
            new TransactionalOutboxedRunner(current, repository),
        },
      ],
      exports: [
        getEventsToken(dataSource),
        getTracingToken(dataSource),
        outbox,
        inbox,
        transactions,
        outboxedToken(dataSource),
      ],
    };
  }
}
