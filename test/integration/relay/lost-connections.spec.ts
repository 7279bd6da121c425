import type { QueryRunner } from 'typeorm';
import { LIFE_LOCKS } from '../../../lib/store/living-relays';
import { addAll, addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

const POOL = 5;
const KEYS = Array.from({ length: 50 }, (_, n) => `key-${n}`);

describe('A relay whose connections', () => {
  let database: TestDatabase;
  let writer: OutboxApp;
  const apps: OutboxApp[] = [];

  const start = async (publisher: RecordingPublisher, name = 'relay'): Promise<OutboxApp> => {
    const app = await startOutboxApp({
      url: database.url,
      outbox: {
        publisher,
        pollIntervalSeconds: 0.2,
        batchSize: 100,
        errorRetryIntervalSeconds: 0.1,
        maxRetries: 1000,
        leaseSeconds: 19,
      },
      typeorm: { extra: { max: POOL, application_name: name } },
    });
    apps.push(app);
    return app;
  };

  beforeEach(async () => {
    database = await createDatabase();
    writer = await startOutboxApp({ url: database.url });
    apps.push(writer);
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  const addBacklog = async (count: number): Promise<Map<string, string[]>> => {
    const ids = await addAll(
      writer,
      Array.from({ length: count }, (_, n) => ({ eventKey: KEYS[n % KEYS.length] })),
    );
    return new Map(KEYS.map((key, k) => [key, ids.filter((_, n) => n % KEYS.length === k)]));
  };

  const expectInOrder = (publisher: RecordingPublisher, expected: Map<string, string[]>): void => {
    expect(Object.fromEntries(publisher.firstDeliveries)).toEqual(Object.fromEntries(expected));
  };

  const terminate = async (): Promise<void> => {
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'relay'`,
    );
  };

  it('are ended again and again while a backlog drains loses nothing, and delivers in order', async () => {
    const publisher = new RecordingPublisher();
    const expected = await addBacklog(6000);
    publisher.before = () => new Promise((resolve) => setTimeout(resolve, 5));
    const app = await start(publisher);
    for (let round = 1; round <= 10; round++) {
      const progress = publisher.taken.length;
      await eventually('progress', () => publisher.taken.length > progress + 200 || publisher.taken.length >= 6000);
      await terminate();
    }
    await allSettled(writer);
    expectInOrder(publisher, expected);
    expect((await writer.outbox.stats()).failing).toBe(0);
    expect(app.logs.filter((line) => line.includes('interrupted')).length).toBeLessThanOrEqual(11);
  });

  it('are ended while events are refused and tried again loses nothing, and delivers in order', async () => {
    const publisher = new RecordingPublisher();
    const expected = await addBacklog(2000);
    publisher.refuses = () => Math.random() < 0.02;
    await start(publisher);
    let pending = 2000;
    while (pending > 0) {
      await terminate();
      const last = pending;
      await eventually('progress', async () => {
        ({ pending } = await writer.outbox.stats());
        return pending < last - 100 || pending === 0 || (pending < 200 && pending < last);
      });
    }
    expectInOrder(publisher, expected);
  });

  it('are all taken by the application goes on when it gets one, though its leases have lapsed', async () => {
    const publisher = new RecordingPublisher();
    const app = await start(publisher);
    const before = await addBacklog(500);
    await allSettled(writer);
    const taken = await takeAllConnections(app);
    const while_ = await addBacklog(500);
    await eventually(
      'the leases to lapse',
      async () => {
        const [row] = await database.query<{ n: number }>(
          'select count(*)::int as n from event_outbox_lane where expires_at > clock_timestamp()',
        );
        return row!.n === 0;
      },
      { seconds: 60, everyMs: 200 },
    );
    await Promise.all(taken.map((runner) => runner.release()));
    const after = await addBacklog(500);
    await allSettled(writer);
    expectInOrder(
      publisher,
      new Map(KEYS.map((key) => [key, [before, while_, after].flatMap((ids) => ids.get(key) ?? [])])),
    );
  });

  it('are all taken in mid-delivery is replaced by another relay, and settles nothing of it afterwards', async () => {
    const publisher = new RecordingPublisher();
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    let isSending = false;
    publisher.before = () => {
      isSending = true;
      return answered;
    };
    const expected = await addBacklog(1000);
    const first = await start(publisher);
    await eventually('the first send', () => isSending);
    const taken = await takeAllConnections(first);
    answer();
    const second = new RecordingPublisher();
    await start(second, 'second');
    await allSettled(writer, 90);
    expectInOrder(second, expected);
    await Promise.all(taken.map((runner) => runner.release()));
    const [more] = await addOfKey(writer, 'more', 1);
    await eventually('delivery by either', () => publisher.ids.includes(more!) || second.ids.includes(more!));
    await allSettled(writer);
    expect((await writer.outbox.stats()).published).toBe(1001);
  });

  /** Waits for those that are in use, but for the one that listens. */
  const takeAllConnections = async (app: OutboxApp): Promise<QueryRunner[]> => {
    await eventually('the relay to listen', async () => {
      const rows = await database.query(
        `select from pg_locks where locktype = 'advisory' and classid = ${LIFE_LOCKS}
           and database = (select oid from pg_database where datname = current_database())`,
      );
      return rows.length > 0;
    });
    const runners = Array.from({ length: POOL - 1 }, () => app.dataSource.createQueryRunner());
    await Promise.all(runners.map((runner) => runner.connect()));
    return runners;
  };
});
