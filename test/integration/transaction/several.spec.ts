import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { getDataSourceToken, InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import {
  getOutboxToken,
  getTransactionsToken,
  InjectOutbox,
  InjectTransactions,
  Outboxed,
  OutboxForeignTransactionError,
  OutboxModule,
  OutboxRepository,
  OutboxTransactionRequiredError,
  OutboxTransactions,
} from 'nestjs-outboxed';
import { DataSource, EntityManager, Repository } from 'typeorm';
import { endedAtLast } from '../support/cleanup';
import { createDatabase, type TestDatabase } from '../support/database';
import { Item } from '../support/item.entity';
import { anEvent, startOutboxApp } from '../support/outbox-app';
import { both, TransactionSuite } from '../support/transaction-suite';

const failure = new Error('no stock');

const count = async (database: TestDatabase, prefix: string): Promise<string> => {
  const [row] = await database.query<{ items: number; events: number }>(
    `select (select count(*)::int from item where id like $1) as items,
            (select count(*)::int from event_outbox where aggregate_id like $1) as events`,
    [`${prefix}%`],
  );
  return `${String(row!.items)} rows, ${String(row!.events)} events`;
};

describe('Two applications in one process', () => {
  const one = TransactionSuite.declare();
  const other = TransactionSuite.declare();

  it('have transactions of their own: the one knows nothing of that of the other', async () => {
    await one.app.transactions.run(async () => {
      await one.write('apart-1');
      expect([one.app.transactions.active, other.app.transactions.active]).toEqual([true, false]);
      await expect(other.writers.addEvent('apart-2')).rejects.toBeInstanceOf(OutboxTransactionRequiredError);
      await other.app.transactions.run(() => other.write('apart-3'));
      await one.write('apart-4');
    });
    expect(await one.stored('apart')).toEqual(both('apart-1', 'apart-4'));
    expect(await other.stored('apart')).toEqual(both('apart-3'));
  });

  it('end them apart, also where one is inside the other', async () => {
    await expect(
      one.app.transactions.run(async () => {
        await one.write('ended-1');
        await other.app.transactions.run(() => other.write('ended-2'));
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await one.stored('ended')).toEqual(both());
    expect(await other.stored('ended')).toEqual(both('ended-2'));
  });

  it('refuse the transaction of the other', async () => {
    await other.app.dataSource.transaction(async (manager) => {
      const event = anEvent({ aggregateId: 'foreign' });
      await expect(one.app.outbox.addEvent(event, { manager })).rejects.toBeInstanceOf(OutboxForeignTransactionError);
      await expect(one.app.outbox.addEvent(event, { queryRunner: manager.queryRunner! })).rejects.toBeInstanceOf(
        OutboxForeignTransactionError,
      );
      await expect(one.app.transactions.bind({ manager }, () => one.write('foreign'))).rejects.toBeInstanceOf(
        OutboxForeignTransactionError,
      );
    });
    expect([await one.stored('foreign'), await other.stored('foreign')]).toEqual([both(), both()]);
  });

  it('keep working when one of them is closed', async () => {
    const third = await startOutboxApp({ url: one.database.url });
    await third.transactions.run(() => third.outbox.addEvent(anEvent({ aggregateId: 'closed-1' })));
    await third.close();
    await one.app.transactions.run(() => one.write('closed-2'));
    expect((await one.stored('closed')).events).toEqual(['closed-1', 'closed-2']);
  });
});

describe('Two data sources of one application', () => {
  @Injectable()
  class Shop {
    constructor(
      @InjectRepository(Item) readonly orders: Repository<Item>,
      @InjectRepository(Item, 'billing') readonly bills: Repository<Item>,
      readonly outbox: OutboxRepository,
      @InjectOutbox('billing') readonly billingOutbox: OutboxRepository,
      readonly transactions: OutboxTransactions,
      @InjectTransactions('billing') readonly billingTransactions: OutboxTransactions,
    ) {}

    @Outboxed()
    async order(id: string, then: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
      await this.orders.save({ id });
      await this.outbox.addEvent(anEvent({ aggregateId: id }));
      await then();
    }

    @Outboxed({ dataSource: 'billing' })
    async bill(id: string, then: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
      await this.bills.save({ id });
      await this.billingOutbox.addEvent(anEvent({ aggregateId: id }));
      await then();
    }
  }

  let databases: { orders: TestDatabase; billing: TestDatabase };
  let module: TestingModule;
  let shop: Shop;

  beforeAll(async () => {
    databases = { orders: await createDatabase(), billing: await createDatabase() };
    const options = { type: 'postgres', autoLoadEntities: true, synchronize: true, retryAttempts: 0 } as const;
    module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({ ...options, url: databases.orders.url }),
        TypeOrmModule.forRoot({ ...options, url: databases.billing.url, name: 'billing' }),
        TypeOrmModule.forFeature([Item]),
        TypeOrmModule.forFeature([Item], 'billing'),
        OutboxModule.forRoot({ relay: false }),
        OutboxModule.forRoot({ relay: false, dataSource: 'billing' }),
      ],
      providers: [Shop],
    }).compile();
    await module.init();
    endedAtLast(() => module.close());
    shop = module.get(Shop);
  });

  const counts = async (prefix: string): Promise<string[]> => [
    await count(databases.orders, prefix),
    await count(databases.billing, prefix),
  ];

  it('have each its own outbox and its own transactions', async () => {
    expect(module.get(getOutboxToken('billing'))).toBe(shop.billingOutbox);
    expect(module.get(getTransactionsToken('billing'))).toBe(shop.billingTransactions);
    await shop.order('own', async () => {
      expect([shop.transactions.active, shop.billingTransactions.active]).toEqual([true, false]);
      await shop.bill('own');
    });
    expect(await counts('own')).toEqual(['1 rows, 1 events', '1 rows, 1 events']);
  });

  it('are named in the error of an outbox without a transaction', async () => {
    await shop.order('named', async () => {
      const adding = shop.billingOutbox.addEvent(anEvent());
      await expect(adding).rejects.toBeInstanceOf(OutboxTransactionRequiredError);
      await expect(adding).rejects.toThrow('"billing"');
    });
  });

  it('commit and roll back apart: the outer one fails', async () => {
    const outer = shop.order('outer', async () => {
      await shop.bill('outer');
      throw failure;
    });
    await expect(outer).rejects.toBe(failure);
    expect(await counts('outer')).toEqual(['0 rows, 0 events', '1 rows, 1 events']);
  });

  it('commit and roll back apart: the inner one fails', async () => {
    await shop.order('inner', async () => {
      await expect(shop.bill('inner', () => Promise.reject(failure))).rejects.toBe(failure);
    });
    expect(await counts('inner')).toEqual(['1 rows, 1 events', '0 rows, 0 events']);
  });

  it('are both joined where calls cross', async () => {
    await shop
      .order('cross-1', () =>
        shop.bill('cross-2', () => shop.order('cross-3', () => shop.bill('cross-4', () => Promise.reject(failure)))),
      )
      .catch((error: unknown) => expect(error).toBe(failure));
    expect(await counts('cross')).toEqual(['0 rows, 0 events', '0 rows, 0 events']);
  });
});

describe('A data source that is destroyed and initialized again', () => {
  const suite = TransactionSuite.declare();

  it('goes on with its outbox, and no transaction of before is left', async () => {
    const { dataSource, transactions } = suite.app;
    await transactions.run(() => suite.write('again-1'));
    let stray: Promise<unknown> = Promise.resolve();
    let go = (): void => undefined;
    const initialized = new Promise<void>((resolve) => (go = resolve));
    await transactions.run(async () => {
      await suite.write('again-2');
      stray = initialized.then(() => suite.write('again-stray')).catch((error: unknown) => error);
    });
    await dataSource.destroy();
    await expect(transactions.run(() => suite.write('again-never'))).rejects.toThrow();
    await dataSource.initialize();
    go();
    expect(await stray).toMatchObject({ code: 'OUTBOX_TRANSACTION_ENDED' });
    expect(transactions.active).toBe(false);
    await transactions.run(async () => {
      await suite.write('again-3');
      await transactions.run(() => suite.write('again-4'), { propagation: 'NESTED' });
    });
    await expect(
      dataSource.transaction(async () => {
        await suite.write('again-5');
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await suite.stored('again')).toEqual(both('again-1', 'again-2', 'again-3', 'again-4'));
  });
});

describe('A repository', () => {
  const suite = TransactionSuite.declare();

  it('that was first fetched inside a transaction works afterwards, and in the next one', async () => {
    const { dataSource } = suite.app;
    class Untouched extends Repository<Item> {}
    let fetched: Repository<Item> | undefined;
    let extended: Repository<Item> | undefined;
    let custom: Repository<Item> | undefined;
    await suite.app.transactions.run(async () => {
      fetched = dataSource.getRepository(Item);
      extended = dataSource.getRepository(Item).extend({ kind: 'extended' });
      custom = new Untouched(Item, dataSource.createEntityManager());
      await fetched.save({ id: 'fetched-1' });
    });
    const repositories = [fetched!, extended!, custom!];
    for (const [n, repository] of repositories.entries()) {
      await repository.save({ id: `fetched-after-${String(n)}` });
      const rolledBack = suite.app.transactions.run(async () => {
        await repository.save({ id: `fetched-lost-${String(n)}` });
        throw failure;
      });
      await expect(rolledBack).rejects.toBe(failure);
    }
    expect((await suite.stored('fetched')).rows).toEqual([
      'fetched-1',
      'fetched-after-0',
      'fetched-after-1',
      'fetched-after-2',
    ]);
  });

  it('whose manager was made inside a transaction opens transactions of its own with it', async () => {
    const manager = await suite.app.transactions.run(async () => suite.app.dataSource.createEntityManager());
    await manager.transaction(async () => {
      expect(suite.app.transactions.active).toBe(true);
      await suite.write('made-inside');
    });
    expect(await suite.stored('made-inside')).toEqual(both('made-inside'));
  });
});

describe('An entity manager that is older than the outbox', () => {
  let early: EntityManager;
  const suite = TransactionSuite.declare({
    dataSourceFactory: async (options) => {
      const dataSource = await new DataSource(options).initialize();
      early = dataSource.createEntityManager();
      return dataSource;
    },
  });

  it('joins transactions', async () => {
    const write = async (id: string): Promise<void> => {
      await early.save(Item, { id });
      await suite.writers.addEvent(id);
    };
    await suite.app.transactions.run(() => write('older-1'));
    await expect(
      suite.app.transactions.run(async () => {
        await write('older-2');
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await suite.stored('older')).toEqual(both('older-1'));
  });

  it('begins transactions that the outbox does not see: addEvent is refused unless it is given them', async () => {
    await early.transaction(async (manager) => {
      await expect(suite.writers.addEvent('unseen-1')).rejects.toBeInstanceOf(OutboxTransactionRequiredError);
      await suite.app.outbox.addEvent(anEvent({ aggregateId: 'unseen-2' }), { manager });
      await suite.app.transactions.bind({ manager }, () => suite.write('unseen-3'));
    });
    expect(await suite.stored('unseen')).toEqual({ rows: ['unseen-3'], events: ['unseen-2', 'unseen-3'] });
  });
});

describe('A custom repository that was built before the outbox, whose options come late', () => {
  @Injectable()
  class EarlyItems extends Repository<Item> {
    constructor(dataSource: DataSource) {
      super(Item, dataSource.createEntityManager());
    }
  }
  @Module({ providers: [EarlyItems], exports: [EarlyItems] })
  class EarlyModule {}

  let database: TestDatabase;
  let module: TestingModule;

  beforeAll(async () => {
    database = await createDatabase();
    module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: database.url,
          autoLoadEntities: true,
          synchronize: true,
          retryAttempts: 0,
        }),
        TypeOrmModule.forFeature([Item]),
        EarlyModule,
        OutboxModule.forRootAsync({
          useFactory: async () => {
            await new Promise((resolve) => setImmediate(resolve));
            return { relay: false };
          },
        }),
      ],
    }).compile();
    await module.init();
    endedAtLast(() => module.close());
  });

  it('joins transactions', async () => {
    const [early, outbox] = [module.get(EarlyItems), module.get(OutboxRepository)];
    const write = async (id: string): Promise<void> => {
      await early.save({ id });
      await outbox.addEvent(anEvent({ aggregateId: id }));
    };
    const dataSource = module.get<DataSource>(getDataSourceToken());
    await dataSource.transaction(() => write('early-1'));
    await expect(
      dataSource.transaction(async () => {
        await write('early-2');
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await count(database, 'early')).toBe('1 rows, 1 events');
  });

  it('begins transactions with its manager', async () => {
    const [early, outbox] = [module.get(EarlyItems), module.get(OutboxRepository)];
    expect(early.manager).toBeInstanceOf(EntityManager);
    await early.manager.transaction(async (manager) => {
      await manager.save(Item, { id: 'begun' });
      await outbox.addEvent(anEvent({ aggregateId: 'begun' }));
    });
    expect(await count(database, 'begun')).toBe('1 rows, 1 events');
  });
});
