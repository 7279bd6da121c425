import { OutboxDeadLetters, type OutboxModuleOptions } from 'nestjs-outboxed';
import { addAll, addOfKey, allSettled, keysBeside } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('An event that was refused too often', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let publisher: RecordingPublisher;
  let deadLetters: OutboxDeadLetters;

  const start = async (options: OutboxModuleOptions): Promise<void> => {
    publisher = new RecordingPublisher();
    app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.1, errorRetryIntervalSeconds: 0.05, ...options },
    });
    deadLetters = app.module.get(OutboxDeadLetters);
  };

  beforeEach(async () => {
    database = await createDatabase();
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  it('becomes a dead letter with the reason and its attempts, and later events of its key go on in order', async () => {
    await start({ maxRetries: 2 });
    publisher.refuses = ({ value }) => value === '"bad"';
    const ids = await addAll(app, [
      { aggregateId: 'a', eventData: 1 },
      { aggregateId: 'a', eventData: 'bad', headers: { tenant: 't' } },
      { aggregateId: 'a', eventData: 3 },
      { aggregateId: 'b', eventData: 4 },
      { aggregateId: 'a', eventData: 5 },
    ]);
    await allSettled(app);
    const [first, bad, ...rest] = ids as [string, string, ...string[]];
    expect(publisher.idsOf('a')).toEqual([first, rest[0], rest[2]]);
    expect(publisher.idsOf('b')).toEqual([rest[1]]);
    expect(publisher.refused).toHaveLength(3);
    expect(await deadLetters.get(bad)).toMatchObject({
      id: bad,
      eventKey: 'a',
      eventData: '"bad"',
      headers: { tenant: 't' },
      attempts: 3,
      reason: `refused ${bad}`,
      holdsKey: false,
    });
    expect(await app.outbox.getEventById(bad)).toBeNull();
    expect(await app.outbox.stats()).toMatchObject({ pending: 0, failing: 0, deadLetters: 1, published: 4 });
  });

  it('is in one of the two tables at every moment', async () => {
    await start({ maxRetries: 1 });
    publisher.refuses = () => true;
    const count = 300;
    await addAll(
      app,
      Array.from({ length: count }, (_, n) => ({ aggregateId: `key-${n}` })),
    );
    await eventually('all to be dead letters, and none to be in both tables or none', async () => {
      const [row] = await database.query<{ all: number; dead: number }>(
        `select (select count(*) from event_outbox)::int + count(*)::int as all, count(*)::int as dead from event_outbox_dead_letter`,
      );
      expect(row?.all).toBe(count);
      return row?.dead === count;
    });
    expect(publisher.refused).toHaveLength(2 * count);
  });

  it('with maxRetries 0 is not tried a second time', async () => {
    await start({ maxRetries: 0 });
    publisher.refuses = ({ value }) => value === '"bad"';
    const ids = await addAll(
      app,
      Array.from({ length: 200 }, (_, n) => ({ aggregateId: `key-${n % 3}`, eventData: n % 10 === 7 ? 'bad' : n })),
    );
    await allSettled(app);
    expect(publisher.refused).toHaveLength(20);
    const good = (key: number): string[] => ids.filter((_, n) => n % 10 !== 7 && n % 3 === key);
    expect([0, 1, 2].map((key) => publisher.idsOf(`key-${key}`))).toEqual([good(0), good(1), good(2)]);
    expect((await deadLetters.list({ limit: 50 })).deadLetters.map(({ attempts }) => attempts)).toEqual(
      Array(20).fill(1),
    );
  });

  it('lets thousands that were parked behind it come in order, while other keys flow', async () => {
    await start({ maxRetries: 4, errorRetryIntervalSeconds: 0.5 });
    const neighbours = keysBeside('hot', 3, 'in its lane');
    const strangers = keysBeside('hot', 3, 'in other lanes');
    publisher.refuses = ({ key, value }) => key === 'hot' && value === '{"n":0}';
    const hot = await addOfKey(app, 'hot', 5000);
    const others = new Map<string, string[]>();
    const addOthers = async (): Promise<void> => {
      for (const eventKey of [...neighbours, ...strangers]) {
        const ids = await addOfKey(app, eventKey, 5);
        others.set(eventKey, [...(others.get(eventKey) ?? []), ...ids]);
      }
    };
    do {
      await addOthers();
      await eventually('the other keys', () =>
        [...others].every(([key, ids]) => publisher.idsOf(key).length >= ids.length),
      );
    } while ((await app.outbox.stats()).deadLetters === 0);
    await addOthers();
    await allSettled(app);
    expect(publisher.idsOf('hot')).toEqual(hot.slice(1));
    expect([...others].map(([key]) => publisher.idsOf(key))).toEqual([...others.values()]);
  });

  it('may be added once more under its id, delivered, or die again; and each is an event of its own', async () => {
    await start({ maxRetries: 1 });
    publisher.refuses = ({ value }) => value.includes('bad');
    const add = (id: string, eventData: string): Promise<string> =>
      app.dataSource.transaction(() => app.outbox.addEvent(anEvent({ id, eventData })));
    const dead = (count: number): Promise<unknown> =>
      eventually(`${count} dead letters`, async () => (await app.outbox.stats()).deadLetters === count);
    const [id] = await addAll(app, [{ eventData: 'bad 1' }]);
    await dead(1);
    await add(id!, 'bad 2');
    await dead(2);
    await add(id!, 'good');
    await allSettled(app);
    expect(publisher.taken.map(({ id: of, value }) => [of, value])).toEqual([[id, '"good"']]);
    const page = await deadLetters.list();
    expect(page.deadLetters.map(({ id: of, eventData }) => [of, eventData])).toEqual([
      [id, '"bad 1"'],
      [id, '"bad 2"'],
    ]);
    expect(await deadLetters.discard(id!)).toBe(true);
    expect((await app.outbox.stats()).deadLetters).toBe(0);
  });

  it('that died twice under one id is replayed once for each call', async () => {
    await start({ maxRetries: 0, retention: { publishedHours: 0 } });
    publisher.refuses = () => true;
    const [id] = await addAll(app, [{ eventData: 'first' }]);
    await eventually('the first death', async () => (await app.outbox.stats()).deadLetters === 1);
    await addAll(app, [{ id, eventData: 'second' }]);
    await eventually('the second death', async () => (await app.outbox.stats()).deadLetters === 2);
    publisher.refuses = () => false;
    await deadLetters.replay(id!);
    await allSettled(app);
    expect(publisher.taken.map(({ value }) => value)).toEqual(['"first"']);
    await deadLetters.replay(id!);
    await allSettled(app);
    expect(publisher.taken.map(({ value }) => value)).toEqual(['"first"', '"second"']);
    expect((await app.outbox.stats()).deadLetters).toBe(0);
  });
});
