import { Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { ClsPluginTransactional, Propagation, Transactional, TransactionHost } from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule, ClsModuleOptions } from 'nestjs-cls';
import { Outboxed } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { noConnectionIsLeft, rowsAndEventsShareATransaction, type Open } from '../support/rows-and-events';
import { stored, writers, Writers } from '../support/writers';

type Host = TransactionHost<TransactionalAdapterTypeOrm>;
type Work = (manager: Host['tx']) => Promise<unknown>;

@Injectable()
class Opening {
  constructor(readonly host: TransactionHost<TransactionalAdapterTypeOrm>) {}

  @Transactional()
  async transactional(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional<TransactionalAdapterTypeOrm>({ isolationLevel: 'SERIALIZABLE' })
  async serializable(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional(Propagation.RequiresNew)
  async independent(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional(Propagation.Nested)
  async nested(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional()
  async nesting(work: Work): Promise<unknown> {
    return this.nested(work);
  }

  @Transactional()
  async joinedByOutboxed(work: Work): Promise<unknown> {
    return this.outboxed(work);
  }

  @Outboxed()
  async outboxed(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }

  @Transactional()
  @Outboxed()
  async both(work: Work): Promise<unknown> {
    return work(this.host.tx);
  }
}

const waysToOpen: Record<string, (by: Opening) => Open> = {
  '@Transactional()': (by) => (work) => by.transactional(work),
  '@Transactional() with an isolation level': (by) => (work) => by.serializable(work),
  '@Transactional(Nested) in another one': (by) => (work) => by.nesting(work),
  '@Transactional(RequiresNew) in another one': (by) => (work) => by.transactional(() => by.independent(work)),
  '@Transactional() that @Outboxed() joins': (by) => (work) => by.joinedByOutboxed(work),
  '@Transactional() above @Outboxed()': (by) => (work) => by.both(work),
  'host.withTransaction': (by) => (work) => by.host.withTransaction(() => work(by.host.tx)),
};

describe('With nestjs-cls, a transaction', () => {
  let database: TestDatabase;
  let app: OutboxApp;

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({
      url: database.url,
      typeorm: { entities: writers.entities },
      imports: [
        ClsModule.forRoot(
          Object.assign(new ClsModuleOptions(), {
            plugins: [
              new ClsPluginTransactional({
                adapter: new TransactionalAdapterTypeOrm({ dataSourceToken: getDataSourceToken() as string }),
              }),
            ],
          }),
        ),
      ],
      providers: [...writers.providers, Opening],
    });
  });

  afterAll(async () => {
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

  describe.each(Object.keys(waysToOpen))('opened by %s, written to with the manager of its host', (name) => {
    rowsAndEventsShareATransaction(opened(name), 'manager');
  });

  it('loses exactly what was added inside @Transactional(Nested) that fails', async () => {
    const by = app.module.get(Opening);
    const writes = app.module.get(Writers);
    const write = async (id: string): Promise<void> => {
      await writes.items.save({ id });
      await writes.addEvent(id);
    };
    await by.transactional(async () => {
      await write('nested-1');
      const failing = by.nested(async () => {
        await write('nested-2');
        throw new Error('back to the savepoint');
      });
      await expect(failing).rejects.toThrow('back to the savepoint');
      await write('nested-3');
    });
    expect(await stored(database, 'nested')).toEqual({
      rows: ['nested-1', 'nested-3'],
      events: ['nested-1', 'nested-3'],
    });
  });

  it('of @Transactional() inside one of @Outboxed() is one of its own, as that library does not know the outer one', async () => {
    const by = app.module.get(Opening);
    const writes = app.module.get(Writers);
    const failure = new Error('rolls back only the outer one');
    const outer = by.outboxed(async () => {
      await writes.items.save({ id: 'foreign-outer' });
      await by.transactional(async () => {
        await writes.items.save({ id: 'foreign-inner' });
        await writes.addEvent('foreign-inner');
      });
      throw failure;
    });
    await expect(outer).rejects.toBe(failure);
    expect(await stored(database, 'foreign')).toEqual({ rows: ['foreign-inner'], events: ['foreign-inner'] });
  });
});
