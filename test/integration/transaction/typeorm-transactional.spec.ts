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
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { noConnectionIsLeft, rowsAndEventsShareATransaction, type Open } from '../support/rows-and-events';
import { stored, writers, Writers } from '../support/writers';

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
  let database: TestDatabase;
  let app: OutboxApp;

  beforeAll(async () => {
    initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE });
    database = await createDatabase();
    app = await startOutboxApp({
      url: database.url,
      typeorm: { entities: writers.entities },
      dataSourceFactory: (options) => Promise.resolve(addTransactionalDataSource(new DataSource(options))),
      providers: [...writers.providers, Opening],
    });
  });

  afterAll(async () => {
    deleteDataSourceByName('default');
    await app?.close();
    await database?.drop();
  });

  const opened = (name: string) => () => ({
    database,
    writers: app.module.get(Writers),
    open: waysToOpen[name]!(app.module.get(Opening)),
  });

  describe.each(Object.keys(waysToOpen))('opened by %s', (name) => {
    rowsAndEventsShareATransaction(opened(name), 'context');
    noConnectionIsLeft(opened(name));
  });

  it('tells its hooks and those of the outbox of one commit', async () => {
    const log: string[] = [];
    await app.module.get(Opening).transactional(async () => {
      runOnTransactionCommit(() => void log.push('its own'));
      app.transactions.afterCommit(() => log.push('of the outbox'));
      await app.module.get(Writers).addEvent('hooked');
      expect(log).toEqual([]);
    });
    await eventually('both hooks', () => log.length === 2);
    expect(log.sort()).toEqual(['its own', 'of the outbox']);
  });

  it('of @Transactional() inside one of @Outboxed() is one of its own, as that library does not know the outer one', async () => {
    const by = app.module.get(Opening);
    const { items, addEvent } = bound(app.module.get(Writers));
    const failure = new Error('rolls back only the outer one');
    const outer = by.outboxed(async () => {
      await items.save({ id: 'foreign-outer' });
      await by.transactional(async () => {
        await items.save({ id: 'foreign-inner' });
        await addEvent('foreign-inner');
      });
      throw failure;
    });
    await expect(outer).rejects.toBe(failure);
    expect(await stored(database, 'foreign')).toEqual({ rows: ['foreign-inner'], events: ['foreign-inner'] });
  });
});

function bound(by: Writers): Pick<Writers, 'items' | 'addEvent'> {
  return { items: by.items, addEvent: by.addEvent.bind(by) };
}
