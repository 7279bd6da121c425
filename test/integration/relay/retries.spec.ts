import type { OutboxModuleOptions } from 'nestjs-outboxed';
import { addAll, addOfKey, allSettled, keysBeside } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('What is tried again', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let publisher: RecordingPublisher;

  const start = async (options: OutboxModuleOptions): Promise<void> => {
    app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.2, maxRetries: 10_000, ...options },
    });
  };

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  it('an outage uses no attempt up, is told once, and ends by itself', async () => {
    await start({ maxRetries: 0 });
    publisher.away = 'no broker answers';
    const ids = await addOfKey(app, 'a', 5);
    await eventually('several tries', () => publisher.batches.length >= 4);
    const [row] = await database.query<object>(
      `select max(attempts)::int as attempts, count(retry_at)::int as waiting, count(published_at)::int as published from event_outbox`,
    );
    expect(row).toEqual({ attempts: 0, waiting: 0, published: 0 });
    publisher.away = undefined;
    await allSettled(app);
    expect(publisher.ids).toEqual(ids);
    expect(app.logs.filter((line) => line.includes('cannot be reached'))).toHaveLength(1);
    expect(app.logs.filter((line) => line.includes('reached again'))).toHaveLength(1);
  });

  it('an outage in the middle of a retry uses no attempt up either', async () => {
    await start({ errorRetryIntervalSeconds: 0.1 });
    publisher.refuses = () => true;
    const [id] = await addOfKey(app, 'a', 1);
    await eventually('a refusal', async () => (await app.outbox.getEventById(id!))?.attempts === 1);
    publisher.away = 'no broker answers';
    await eventually('the outage', () => app.logs.some((line) => line.includes('cannot be reached')));
    const attempts = (await app.outbox.getEventById(id!))?.attempts;
    const tries = publisher.batches.length;
    await eventually('several tries', () => publisher.batches.length >= tries + 3);
    expect((await app.outbox.getEventById(id!))?.attempts).toBe(attempts);
    publisher.refuses = () => false;
    publisher.away = undefined;
    await allSettled(app);
    expect(publisher.ids).toEqual([id]);
  });

  it('waits twice as long after each refusal', async () => {
    await start({ errorRetryIntervalSeconds: 0.4 });
    // Noted in the moment of each refusal: a test that asked for it might come too late.
    await database.query('create table waits (attempt int, seconds float8)');
    await database.query(
      `create function note_wait() returns trigger language plpgsql as $$ begin
         insert into waits values (new.attempts, extract(epoch from new.retry_at - clock_timestamp())); return null; end $$`,
    );
    await database.query(
      `create trigger note_wait after update on event_outbox for each row
       when (new.attempts > old.attempts) execute function note_wait()`,
    );
    publisher.refuses = () => true;
    await addOfKey(app, 'a', 1);
    const waits = await eventually('four refusals', async () => {
      const rows = await database.query<{ attempt: number; seconds: number }>(
        'select attempt, seconds from waits order by attempt limit 4',
      );
      return rows.length === 4 && rows;
    });
    expect(waits.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    for (const { attempt, seconds } of waits) {
      const nominal = 0.4 * 2 ** (attempt - 1);
      expect(seconds).toBeLessThanOrEqual(nominal);
      // At least half of it, of which a little has passed.
      expect(seconds).toBeGreaterThan(nominal / 4);
    }
  });

  it('does not hold up other keys while 20,000 wait behind it, and then these come in order, once each', async () => {
    await start({ errorRetryIntervalSeconds: 0.3 });
    let isCured = false;
    publisher.refuses = ({ value }) => value === '"bad"' && !isCured;
    const hot = await addAll(app, [{ eventKey: 'hot', eventData: 'bad' }]);
    hot.push(...(await addOfKey(app, 'hot', 20_000)));
    const beside = [...keysBeside('hot', 5, 'in its lane'), ...keysBeside('hot', 5, 'in other lanes')];
    for (let round = 1; round <= 5; round++) {
      await addAll(
        app,
        beside.map((eventKey) => ({ eventKey })),
      );
      await eventually('other keys', () => beside.every((key) => publisher.idsOf(key).length === round));
    }
    expect(publisher.idsOf('hot')).toEqual([]);
    isCured = true;
    await allSettled(app, 120);
    expect(publisher.idsOf('hot')).toEqual(hot);
  });

  it('does not hold up other keys of its lane, however much waits behind it when the relay begins', async () => {
    const writer = await startOutboxApp({ url: database.url });
    await addAll(writer, [{ eventKey: 'hot', eventData: 'bad' }]);
    await addOfKey(writer, 'hot', 65_000);
    const beside = await addAll(
      writer,
      keysBeside('hot', 5, 'in its lane').map((eventKey) => ({ eventKey })),
    );
    await writer.close();
    publisher.refuses = ({ value }) => value === '"bad"';
    // No poll comes to help: one delivery must get past all that is parked.
    await start({ pollIntervalSeconds: 3600, errorRetryIntervalSeconds: 3600 });
    await eventually('other keys of the lane', () => beside.every((id) => publisher.ids.includes(id)));
    expect(publisher.idsOf('hot')).toEqual([]);
  });

  it('may be two thousand keys at once, which all recover', async () => {
    await start({ errorRetryIntervalSeconds: 2 });
    let isCured = false;
    publisher.refuses = ({ value }) => value === '"bad"' && !isCured;
    const keys = Array.from({ length: 2000 }, (_, n) => `key-${n}`);
    const ids = [
      await addAll(app, keys.map((eventKey) => ({ eventKey, eventData: 'bad' }))), // prettier-ignore
      await addAll(app, keys.map((eventKey) => ({ eventKey }))), // prettier-ignore
      await addAll(app, keys.map((eventKey) => ({ eventKey }))), // prettier-ignore
    ];
    await eventually('all to fail', async () => (await app.outbox.stats()).failing === keys.length, { seconds: 60 });
    const [good] = await addOfKey(app, 'good', 1);
    await eventually('another key', () => publisher.ids.includes(good!));
    expect(publisher.taken).toHaveLength(1);
    isCured = true;
    await allSettled(app, 120);
    expect(keys.map((key) => publisher.idsOf(key))).toEqual(keys.map((_, n) => ids.map((row) => row[n])));
  });

  it('does not stop what is good behind a hundred bad ones, as many as a batch holds', async () => {
    await start({ batchSize: 100, errorRetryIntervalSeconds: 3600 });
    publisher.refuses = ({ value }) => value === '"bad"';
    const bad = Array.from({ length: 100 }, (_, n) => ({ eventKey: `bad-${n}`, eventData: 'bad' }));
    const good = Array.from({ length: 1000 }, (_, n) => ({ eventKey: `good-${n % 50}` }));
    const ids = await addAll(app, [...bad, ...good, ...bad.map(({ eventKey }) => ({ eventKey }))]);
    await eventually('the good ones', () => publisher.taken.length >= good.length);
    expect([...publisher.ids].sort()).toEqual(ids.slice(100, 1100).sort());
    await eventually('settling', async () => (await app.outbox.stats()).pending === 200);
    expect(publisher.refused).toHaveLength(100);
  });
});
