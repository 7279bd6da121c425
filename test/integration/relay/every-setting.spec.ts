import { EventOutbox, OutboxDeadLetter, OutboxDeadLetters, type OutboxModuleOptions } from 'nestjs-outboxed';
import { DefaultNamingStrategy, type DataSourceOptions } from 'typeorm';
import { addAll, addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

class HouseNames extends DefaultNamingStrategy {
  override tableName(className: string, customName: string | undefined): string {
    return `house_${super.tableName(className, customName)}`;
  }
}

interface Setting {
  readonly outbox?: OutboxModuleOptions;
  readonly typeorm?: Partial<DataSourceOptions>;
}

describe.each<[string, Setting]>([
  ['events deleted when they are delivered', { outbox: { retention: { publishedHours: 0 } } }],
  ['delivered events kept', { outbox: { retention: { publishedHours: 24 } } }],
  ['no prepared statements', { outbox: { preparedStatements: false } }],
  [
    'no prepared statements, and events deleted when they are delivered',
    { outbox: { preparedStatements: false, retention: { publishedHours: 0 } } },
  ],
  ['a schema', { typeorm: { schema: 'shop' } }],
  ['an entityPrefix', { typeorm: { entityPrefix: 'app_' } }],
  [
    'a schema that needs quotes, a prefix and a naming strategy',
    { typeorm: { schema: 'My Shop', entityPrefix: 'app_', namingStrategy: new HouseNames() } },
  ],
  ['batches of one event', { outbox: { batchSize: 1 } }],
  ['a pool of two connections', { typeorm: { extra: { max: 2 } } }],
])('With %s', (_, { outbox = {}, typeorm = {} }) => {
  const deletes = outbox.retention?.publishedHours === 0;
  let database: TestDatabase;
  let app: OutboxApp;
  let publisher: RecordingPublisher;

  const start = async (): Promise<void> => {
    app = await startOutboxApp({
      url: database.url,
      outbox: {
        publisher,
        pollIntervalSeconds: 0.1,
        errorRetryIntervalSeconds: 0.1,
        maxRetries: 2,
        afterDeadLetter: 'hold',
        ...outbox,
      },
      typeorm,
    });
  };

  beforeEach(async () => {
    database = await createDatabase();
    if ('schema' in typeorm) {
      await database.query(`create schema "${String(typeorm.schema)}"`);
    }
    publisher = new RecordingPublisher();
    await start();
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const published = async (): Promise<number> => (await app.outbox.stats()).published;

  it('events are delivered in order, and settled', async () => {
    const ids = await addAll(
      app,
      Array.from({ length: 500 }, (__, n) => ({ eventKey: `key-${n % 5}` })),
    );
    await allSettled(app);
    expect([0, 1, 2, 3, 4].map((k) => publisher.idsOf(`key-${k}`))).toEqual(
      [0, 1, 2, 3, 4].map((k) => ids.filter((__, n) => n % 5 === k)),
    );
    expect(await published()).toBe(deletes ? 0 : 500);
    expect(await app.dataSource.getRepository(EventOutbox).count()).toBe(deletes ? 0 : 500);
  });

  it('events are refused, tried again, held, and given up; delayed ones come; an operator decides; relays change', async () => {
    let isCured = false;
    publisher.refuses = ({ key, value }) => (key === 'dies' ? value === '"bad"' : value === '"bad"' && !isCured);
    const recovers = await addAll(app, [{ eventKey: 'recovers', eventData: 'bad' }, { eventKey: 'recovers' }]);
    await eventually('a refusal', () => publisher.refused.length > 0);
    isCured = true;
    const dies = await addAll(app, [{ eventKey: 'dies', eventData: 'bad' }, { eventKey: 'dies' }]);
    const delayed = await addAll(app, [
      { eventKey: 'delayed', availableAt: new Date(Date.now() + 1500) },
      { eventKey: 'not delayed' },
    ]);
    await eventually('the dead letter', async () => (await app.outbox.stats()).deadLetters === 1);
    expect(await app.dataSource.getRepository(OutboxDeadLetter).findOneByOrFail({ id: dies[0]! })).toMatchObject({
      attempts: 3,
      holdsKey: true,
    });
    await eventually('the others', () => publisher.taken.length >= 3 && publisher.ids.includes(delayed[1]!));
    await app.close();
    await start();
    await eventually('the delayed one', () => publisher.ids.includes(delayed[0]!));
    expect(publisher.idsOf('recovers')).toEqual(recovers);
    expect(publisher.idsOf('dies')).toEqual([]);
    publisher.refuses = () => false;
    await app.module.get(OutboxDeadLetters).replay(dies[0]!);
    await allSettled(app);
    expect(publisher.idsOf('dies')).toEqual(dies);
    expect(publisher.taken).toHaveLength(6);
    expect(await published()).toBe(deletes ? 0 : 6);
  });

  it('a late commit and a backlog come together', async () => {
    let commit: () => void = () => undefined;
    const mayCommit = new Promise<void>((resolve) => (commit = resolve));
    let first: string[] = [];
    const late = app.dataSource.transaction(async () => {
      first = await app.outbox.addEvents([{ aggregateType: 'item', aggregateId: 'late', eventType: 'E', topic: 't', eventData: 1 }]); // prettier-ignore
      await mayCommit;
    });
    await eventually('the first', () => first.length === 1);
    const others = await addOfKey(app, 'others', 300);
    await eventually('others', () => publisher.idsOf('others').length === 300);
    commit();
    await late;
    const second = await addOfKey(app, 'late', 1);
    await allSettled(app);
    expect(publisher.idsOf('late')).toEqual([...first, ...second]);
    expect(publisher.idsOf('others')).toEqual(others);
  });
});
