import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { BaseEntity, DataSource, Entity, PrimaryColumn, Repository } from 'typeorm';
import {
  Outboxed,
  OutboxRepository,
  OutboxTransactionEndedError,
  OutboxTransactionRequiredError,
} from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { Item } from '../support/item.entity';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { allConnectionsAreBack } from '../support/pool';

@Entity({ name: 'active_item' })
class ActiveItem extends BaseEntity {
  @PrimaryColumn('text')
  id!: string;
}

@Injectable()
class CustomItems extends Repository<Item> {
  constructor(dataSource: DataSource) {
    super(Item, dataSource.createEntityManager());
  }
}

@Injectable()
class Items {
  constructor(
    @InjectRepository(Item) readonly repository: Repository<Item>,
    readonly custom: CustomItems,
    readonly dataSource: DataSource,
    readonly outbox: OutboxRepository,
  ) {}

  @Outboxed()
  async saveAndTell(id: string, failure?: Error): Promise<string> {
    await this.repository.save({ id });
    const event = await this.outbox.addEvent(anEvent({ aggregateId: id }));
    if (failure !== undefined) {
      throw failure;
    }
    return event;
  }

  @Outboxed()
  async saveTwice(id: string): Promise<void> {
    await this.saveAndTell(`${id}-1`);
    await this.saveAndTell(`${id}-2`);
  }

  @Outboxed({ topic: 'items', aggregateType: 'item', eventType: 'ItemSaved', aggregateId: (item: Item) => item.id })
  async saveDeclared(id: string): Promise<Item> {
    return this.repository.save({ id, note: 'declared' });
  }

  /** Writes in every way that TypeORM offers. */
  @Outboxed()
  async saveInEveryWay(id: string, failure?: Error): Promise<void> {
    await this.repository.save({ id: `${id}-repository` });
    await this.custom.save({ id: `${id}-custom` });
    await this.dataSource.manager.save(Item, { id: `${id}-manager` });
    await this.dataSource.getRepository(Item).insert({ id: `${id}-fetched` });
    await this.dataSource
      .createQueryBuilder()
      .insert()
      .into(Item)
      .values({ id: `${id}-builder` })
      .execute();
    await this.repository
      .createQueryBuilder()
      .insert()
      .values({ id: `${id}-repository-builder` })
      .execute();
    await this.dataSource.query('insert into item (id) values ($1)', [`${id}-query`]);
    await Object.assign(new ActiveItem(), { id: `${id}-active` }).save();
    if (failure !== undefined) {
      throw failure;
    }
  }
}

describe('The current transaction', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let items: Items;

  const stored = async (prefix: string): Promise<{ items: number; events: number }> => {
    const [row] = await database.query<{ items: number; events: number }>(
      `select (select count(*)::int from item where id like $1) + (select count(*)::int from active_item where id like $1) as items,
              (select count(*)::int from event_outbox where aggregate_id like $1) as events`,
      [`${prefix}%`],
    );
    return row!;
  };

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({
      url: database.url,
      typeorm: { entities: [ActiveItem] },
      providers: [Items, CustomItems],
    });
    items = app.module.get(Items);
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  it('is opened by @Outboxed: rows and event commit together', async () => {
    const id = await items.saveAndTell('decorated');
    expect(await stored('decorated')).toEqual({ items: 1, events: 1 });
    expect(await app.outbox.getEventById(id)).toMatchObject({ id, aggregateId: 'decorated' });
  });

  it('is rolled back by @Outboxed when the method fails, and the error comes out as it is', async () => {
    const failure = new Error('no');
    await expect(items.saveAndTell('failed', failure)).rejects.toBe(failure);
    expect(await stored('failed')).toEqual({ items: 0, events: 0 });
  });

  it('is joined by a decorated method that another one calls', async () => {
    await items.saveTwice('twice');
    const rows = await database.query<{ xid: string }>(
      `select distinct xid from event_outbox where aggregate_id like 'twice%'`,
    );
    expect(rows).toHaveLength(1);
  });

  it('is rolled back as a whole when the calling method fails after the called one', async () => {
    await expect(
      app.dataSource.transaction(async () => {
        await items.saveAndTell('outer');
        throw new Error('later');
      }),
    ).rejects.toThrow('later');
    expect(await stored('outer')).toEqual({ items: 0, events: 0 });
  });

  it('takes the declared event from the result', async () => {
    await items.saveDeclared('declared');
    const [event] = await database.query<{ event_data: unknown; event_type: string }>(
      `select event_data, event_type from event_outbox where aggregate_id = 'declared'`,
    );
    expect(event).toEqual({ event_type: 'ItemSaved', event_data: { id: 'declared', note: 'declared' } });
  });

  it('is found by addEvent inside dataSource.transaction, with and without an isolation level', async () => {
    await app.dataSource.transaction(async () => {
      await items.repository.save({ id: 'plain' });
      await app.outbox.addEvent(anEvent({ aggregateId: 'plain' }));
    });
    await app.dataSource.transaction('SERIALIZABLE', async () => {
      const [row] = await app.dataSource.query<{ transaction_isolation: string }[]>('show transaction_isolation');
      expect(row?.transaction_isolation).toBe('serializable');
      await app.outbox.addEvent(anEvent({ aggregateId: 'plain-serializable' }));
    });
    expect(await stored('plain')).toEqual({ items: 1, events: 2 });
  });

  it('is used by every way of writing, and all of it is rolled back together', async () => {
    await expect(items.saveInEveryWay('every', new Error('no'))).rejects.toThrow('no');
    expect(await stored('every')).toEqual({ items: 0, events: 0 });
    await items.saveInEveryWay('every');
    expect(await stored('every')).toEqual({ items: 8, events: 0 });
  });

  it('is one connection: a pool of one is enough', async () => {
    const small = await createDatabase();
    const single = await startOutboxApp({
      url: small.url,
      typeorm: { entities: [ActiveItem], extra: { max: 1, connectionTimeoutMillis: 2000 } },
      providers: [Items, CustomItems],
    });
    await single.module.get(Items).saveInEveryWay('single');
    await single.close();
    await small.drop();
  });

  it('loses exactly what was added inside a savepoint that is rolled back', async () => {
    await app.dataSource.transaction(async (manager) => {
      await app.outbox.addEvent(anEvent({ aggregateId: 'savepoint-before' }));
      await manager
        .transaction(async () => {
          await items.repository.save({ id: 'savepoint-inside' });
          await app.outbox.addEvent(anEvent({ aggregateId: 'savepoint-inside' }));
          throw new Error('back to the savepoint');
        })
        .catch(() => undefined);
      await app.outbox.addEvent(anEvent({ aggregateId: 'savepoint-after' }));
    });
    const rows = await database.query<{ aggregate_id: string }>(
      `select aggregate_id from event_outbox where aggregate_id like 'savepoint%' order by seq`,
    );
    expect(rows.map((row) => row.aggregate_id)).toEqual(['savepoint-before', 'savepoint-after']);
    expect((await stored('savepoint')).items).toBe(0);
  });

  it('does not exist outside: addEvent is refused, and writes nothing', async () => {
    await expect(app.outbox.addEvent(anEvent({ aggregateId: 'outside' }))).rejects.toBeInstanceOf(
      OutboxTransactionRequiredError,
    );
    await expect(app.outbox.addEvents([])).rejects.toBeInstanceOf(OutboxTransactionRequiredError);
    expect(await stored('outside')).toEqual({ items: 0, events: 0 });
  });

  it("can be handed over: a query runner of one's own, or its manager", async () => {
    const queryRunner = app.dataSource.createQueryRunner();
    await expect(app.outbox.addEvent(anEvent(), { queryRunner })).rejects.toBeInstanceOf(
      OutboxTransactionRequiredError,
    );
    await queryRunner.startTransaction();
    await app.outbox.addEvent(anEvent({ aggregateId: 'handed-1' }), { queryRunner });
    await app.outbox.addEvent(anEvent({ aggregateId: 'handed-2' }), { manager: queryRunner.manager });
    expect(await stored('handed')).toEqual({ items: 0, events: 0 });
    await queryRunner.commitTransaction();
    await queryRunner.release();
    expect(await stored('handed')).toEqual({ items: 0, events: 2 });
  });

  it('is left alone by a transaction that is begun independently inside it', async () => {
    await expect(
      app.dataSource.transaction(async () => {
        await items.repository.save({ id: 'dependent' });
        await app.dataSource.transaction(async () => {
          await items.repository.save({ id: 'independent-1' });
          await app.outbox.addEvent(anEvent({ aggregateId: 'independent-1' }));
        });
        const queryRunner = app.dataSource.createQueryRunner();
        await queryRunner.startTransaction();
        await queryRunner.manager.save(Item, { id: 'independent-2' });
        await queryRunner.commitTransaction();
        await queryRunner.release();
        throw new Error('rolls back only the outer one');
      }),
    ).rejects.toThrow('rolls back only the outer one');
    expect(await stored('dependent')).toEqual({ items: 0, events: 0 });
    expect(await stored('independent')).toEqual({ items: 2, events: 1 });
  });

  it('rejects the statements of code that has outlived it', async () => {
    let late: Promise<unknown>[] = [];
    let ended: () => void = () => undefined;
    const end = new Promise<void>((resolve) => (ended = resolve));
    await app.dataSource.transaction(async () => {
      late = [
        end.then(() => app.outbox.addEvent(anEvent({ aggregateId: 'late' }))),
        end.then(() => items.repository.save({ id: 'late-save' })),
        end.then(() => app.dataSource.query('select 1')),
      ];
      late.forEach((promise) => void promise.catch(() => undefined));
    });
    ended();
    for (const promise of late) {
      await expect(promise).rejects.toBeInstanceOf(OutboxTransactionEndedError);
    }
    expect(await stored('late')).toEqual({ items: 0, events: 0 });
  });

  it('leaves no connection behind', async () => {
    await allConnectionsAreBack(app.dataSource);
  });
});
