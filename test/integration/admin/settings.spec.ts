import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  EventOutbox,
  getDeadLettersToken,
  getOutboxToken,
  OutboxDeadLetter,
  OutboxDeadLetters,
  OutboxRewind,
  OutboxModule,
  OutboxRepository,
} from 'nestjs-outboxed';
import { DefaultNamingStrategy, type DataSource, type DataSourceOptions } from 'typeorm';
import { laneOf } from '../../../lib/store/ordering-key';
import { endedAtLast } from '../support/cleanup';
import { createDatabase, type TestDatabase } from '../support/database';
import { addDeadLetter, idsIn } from '../support/dead-letters';
import { startOutboxApp } from '../support/outbox-app';

class HouseNames extends DefaultNamingStrategy {
  override tableName(className: string, customName: string | undefined): string {
    return `house_${super.tableName(className, customName)}`;
  }
}

describe.each<[string, Partial<DataSourceOptions>]>([
  ['a schema', { schema: 'shop' }],
  ['an entityPrefix', { entityPrefix: 'app_' }],
  [
    'a schema that needs quotes, a prefix and a naming strategy',
    { schema: 'My Shop', entityPrefix: 'app_', namingStrategy: new HouseNames() },
  ],
])('With %s', (_, setting) => {
  it('dead letters are listed, replayed, discarded and released', async () => {
    const database = await createDatabase();
    if ('schema' in setting) {
      await database.query(`create schema "${String(setting.schema)}"`);
    }
    const app = await startOutboxApp({ url: database.url, typeorm: setting });
    const { dataSource } = app;
    const deadLetters = app.module.get(OutboxDeadLetters);
    const ids = [];
    for (const [index, eventKey] of ['a', 'b', 'c'].entries()) {
      ids.push(await storeDeadLetter(dataSource, String(index + 1), eventKey));
    }
    expect((await deadLetters.list({ topic: 'items' })).deadLetters.map(({ id }) => id)).toEqual(ids);
    expect(await app.outbox.stats()).toMatchObject({ pending: 0, deadLetters: 3 });
    await deadLetters.replay(ids[0]!);
    await deadLetters.discard(ids[1]!);
    expect(await deadLetters.release('c')).toBe(1);
    expect(await deadLetters.get(ids[2]!)).toMatchObject({ holdsKey: false });
    expect(await dataSource.getRepository(EventOutbox).find()).toMatchObject([{ id: ids[0], seq: '1' }]);
    expect(await dataSource.getRepository(OutboxDeadLetter).count()).toBe(1);
    expect(await dataSource.getRepository(OutboxRewind).count()).toBe(3);
    await app.close();
    await database.drop();
  });
});

describe('Two data sources of one application', () => {
  it('have each its own dead letters', async () => {
    const databases: [TestDatabase, TestDatabase] = [await createDatabase(), await createDatabase()];
    const options = { type: 'postgres', autoLoadEntities: true, synchronize: true, retryAttempts: 0 } as const;
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({ ...options, url: databases[0].url }),
        TypeOrmModule.forRoot({ ...options, url: databases[1].url, name: 'billing' }),
        OutboxModule.forRoot({ relay: false }),
        OutboxModule.forRoot({ relay: false, dataSource: 'billing' }),
      ],
    }).compile();
    await module.init();
    const close = endedAtLast(() => module.close());
    const [orders, bills] = [
      module.get(OutboxDeadLetters),
      module.get<OutboxDeadLetters>(getDeadLettersToken('billing')),
    ];
    const [ofOrders, ofBills] = [await addDeadLetter(databases[0]), await addDeadLetter(databases[1])];
    expect((await orders.list()).deadLetters).toMatchObject([{ id: ofOrders }]);
    expect((await bills.list()).deadLetters).toMatchObject([{ id: ofBills }]);
    await expect(orders.replay(ofBills)).rejects.toMatchObject({ code: 'OUTBOX_DEAD_LETTER_NOT_FOUND' });
    await bills.replay(ofBills);
    expect(await idsIn(databases[0], 'event_outbox')).toEqual([]);
    expect(await idsIn(databases[1], 'event_outbox')).toEqual([ofBills]);
    expect(await module.get(OutboxRepository).stats()).toMatchObject({ pending: 0, deadLetters: 1 });
    const billing = module.get<OutboxRepository>(getOutboxToken('billing'));
    expect(await billing.stats()).toMatchObject({ pending: 1, deadLetters: 0 });
    await close();
    await Promise.all(databases.map((database) => database.drop()));
  });
});

/** Through the entities, so that it finds the tables whatever their names are. */
async function storeDeadLetter(dataSource: DataSource, seq: string, eventKey: string): Promise<string> {
  const lane = laneOf(eventKey);
  const id = `0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f7${seq}`;
  await dataSource.getRepository(OutboxDeadLetter).save({
    seq,
    id,
    lane,
    aggregateType: 'item',
    aggregateId: 'item-1',
    eventType: 'ItemChanged',
    topic: 'items',
    eventKey,
    eventData: { n: 1 },
    headers: null,
    traceparent: null,
    tracestate: null,
    createdAt: new Date(),
    availableAt: null,
    attempts: 6,
    reason: 'refused',
    diedAt: new Date(),
    holdsKey: true,
  });
  return id;
}
