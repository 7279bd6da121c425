import { Module, type DynamicModule } from '@nestjs/common';
import { DEFAULT_DATA_SOURCE, outboxedToken } from '../config/tokens';
import type { OutboxRepository } from '../write/outbox.repository';
import { getOutboxToken } from '../write/outbox-tokens';
import { runWithEvents, type OutboxedCall, type OutboxedRunner } from '../write/outboxed-runner';
import { TestingOutboxRepository } from './testing-outbox.repository';

/**
 * Makes services with `@Outboxed` methods testable without database and broker: the methods run as they are, and their events land in a
 * {@link TestingOutboxRepository}, or in what `overrideProvider(OutboxRepository)` puts in its place.
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
    return {
      module: OutboxTestingModule,
      global: true,
      providers: [
        { provide: outbox, useClass: TestingOutboxRepository },
        {
          provide: outboxedToken(dataSource),
          inject: [outbox],
          useFactory: (repository: OutboxRepository): OutboxedRunner => new TestingOutboxedRunner(repository),
        },
      ],
      exports: [outbox, outboxedToken(dataSource)],
    };
  }
}

/** Runs the method without a transaction; what a failing method has added is taken back all the same. */
class TestingOutboxedRunner implements OutboxedRunner {
  constructor(private readonly repository: OutboxRepository) {}

  run(call: OutboxedCall): Promise<unknown> {
    const { repository } = this;
    const work = (): Promise<unknown> => runWithEvents(call, repository);
    return repository instanceof TestingOutboxRepository ? repository.inTransaction(work) : work();
  }
}
