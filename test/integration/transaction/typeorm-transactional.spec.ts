import { Injectable } from '@nestjs/common';
import { Outboxed } from 'nestjs-outboxed';
import { DataSource } from 'typeorm';
import {
  addTransactionalDataSource,
  deleteDataSourceByName,
  initializeTransactionalContext,
  IsolationLevel,
  Propagation,
  runInTransaction,
  runOnTransactionCommit,
  StorageDriver,
  Transactional,
} from 'typeorm-transactional';
import { eventually } from '../support/eventually';
import type { Open } from '../support/rows-and-events';
import { both, TransactionSuite } from '../support/transaction-suite';

type Work = () => Promise<unknown>;

@Injectable()
class Opening {
  @Transactional()
  async transactional(work: Work): Promise<unknown> {
    return work();
  }

  @Transactional({ isolationLevel: IsolationLevel.SERIALIZABLE })
  async serializable(work: Work): Promise<unknown> {
    return work();
  }

  @Transactional({ propagation: Propagation.REQUIRES_NEW })
  async independent(work: Work): Promise<unknown> {
    return work();
  }

  @Transactional()
  async joined(work: Work): Promise<unknown> {
    return this.transactional(work);
  }

  @Transactional()
  async joinedByOutboxed(work: Work): Promise<unknown> {
    return this.outboxed(work);
  }

  @Outboxed()
  async outboxed(work: Work): Promise<unknown> {
    return work();
  }

  @Transactional()
  @Outboxed()
  async both(work: Work): Promise<unknown> {
    return work();
  }
}

const waysToOpen: Record<string, (by: Opening) => Open> = {
  '@Transactional()': (by) => (work) => by.transactional(() => work(undefined)),
  '@Transactional() with an isolation level': (by) => (work) => by.serializable(() => work(undefined)),
  '@Transactional() that joins another one': (by) => (work) => by.joined(() => work(undefined)),
  '@Transactional() that @Outboxed() joins': (by) => (work) => by.joinedByOutboxed(() => work(undefined)),
  '@Transactional() above @Outboxed()': (by) => (work) => by.both(() => work(undefined)),
  'REQUIRES_NEW in @Transactional()': (by) => (work) => by.transactional(() => by.independent(() => work(undefined))),
  runInTransaction: () => (work) => runInTransaction(() => work(undefined)),
  '@Outboxed()': (by) => (work) => by.outboxed(() => work(undefined)),
};

describe('With typeorm-transactional, a transaction', () => {
  beforeAll(() => {
    initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE });
  });
  afterAll(() => {
    deleteDataSourceByName('default');
  });
  const suite = TransactionSuite.declare({
    dataSourceFactory: (options) => Promise.resolve(addTransactionalDataSource(new DataSource(options))),
    providers: [Opening],
  });
  suite.describeWays(Opening, waysToOpen);

  it('tells its hooks and those of the outbox of one commit', async () => {
    const log: string[] = [];
    await suite.app.module.get(Opening).transactional(async () => {
      runOnTransactionCommit(() => void log.push('its own'));
      suite.app.transactions.afterCommit(() => log.push('of the outbox'));
      await suite.writers.addEvent('hooked');
      expect(log).toEqual([]);
    });
    await eventually('both hooks', () => log.length === 2);
    expect(log.sort()).toEqual(['its own', 'of the outbox']);
  });

  it('of @Transactional() inside one of @Outboxed() is one of its own, as that library does not know the outer one', async () => {
    const by = suite.app.module.get(Opening);
    const failure = new Error('rolls back only the outer one');
    const outer = by.outboxed(async () => {
      await suite.writers.items.save({ id: 'foreign-outer' });
      await by.transactional(async () => {
        await suite.write('foreign-inner');
      });
      throw failure;
    });
    await expect(outer).rejects.toBe(failure);
    expect(await suite.stored('foreign')).toEqual(both('foreign-inner'));
  });
});
