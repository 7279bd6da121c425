import { EventRelayWorker, type DrainLimits, type DrainResult, type OutboxModuleOptions } from 'nestjs-outboxed';
import type { DataSourceOptions } from 'typeorm';
import { addAll, addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('drain(), beside others and over its end,', () => {
  let database: TestDatabase;
  let publisher: RecordingPublisher;
  const apps: OutboxApp[] = [];

  const start = async (
    options: OutboxModuleOptions = {},
    typeorm: Partial<DataSourceOptions> = {},
  ): Promise<OutboxApp> => {
    const app = await startOutboxApp({
      url: database.url,
      outbox: { relay: false, publisher, errorRetryIntervalSeconds: 3600, ...options },
      typeorm,
    });
    apps.push(app);
    return app;
  };
  const drain = (app: OutboxApp, limits?: DrainLimits): Promise<DrainResult> =>
    app.module.get(EventRelayWorker).drain(limits);
  const pending = async (app: OutboxApp): Promise<number> => (await app.outbox.stats()).pending;
  const liveLeases = async (): Promise<number> => {
    const [row] = await database.query<{ n: number }>(
      'select count(*)::int as n from event_outbox_lane where expires_at > clock_timestamp()',
    );
    return row!.n;
  };

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  it('without it, nothing is delivered, neither before nor after', async () => {
    const app = await start({ pollIntervalSeconds: 0.05 });
    await addOfKey(app, 'a', 3);
    await drain(app, { limit: 1 });
    await addOfKey(app, 'b', 3);
    app.module.get(EventRelayWorker).wake();
    // A relay beside it, which owns all lanes, would deliver at once what this one has left alone.
    expect(await liveLeases()).toBe(0);
    const lookAgain = async (): Promise<boolean> => (await pending(app)) === 5;
    for (let looks = 0; looks < 20; looks++) {
      expect(await lookAgain()).toBe(true);
    }
    expect(publisher.taken).toHaveLength(1);
  });

  it('twice at once delivers each event once', async () => {
    const app = await start({ batchSize: 20 });
    const ids = await addOfKey(app, 'a', 200);
    const results = await Promise.all([drain(app), drain(app, { limit: 30 }), drain(app)]);
    expect(results.map(({ published }) => published).reduce((sum, n) => sum + n)).toBe(200);
    expect(publisher.ids).toEqual(ids);
  });

  it('in two applications at once delivers each event once, and leaves none', async () => {
    const [one, two] = [await start({ batchSize: 20 }), await start({ batchSize: 20 })];
    const ids = await addAll(
      one,
      Array.from({ length: 1000 }, (_, n) => ({ eventKey: `key-${n % 100}` })),
    );
    await Promise.all([drain(one), drain(two)]);
    await drain(one);
    expect([...publisher.ids].sort()).toEqual([...ids].sort());
    expect(await pending(one)).toBe(0);
  });

  it('gives its lanes back: another one delivers right after it', async () => {
    const [one, two] = [await start(), await start()];
    for (let round = 0; round < 3; round++) {
      for (const app of [one, two]) {
        await addOfKey(app, 'a', 10);
        expect(await drain(app)).toMatchObject({ published: 10, ended: 'done' });
        expect(await liveLeases()).toBe(0);
        const [row] = await database.query<{ n: number }>('select count(*)::int as n from event_outbox_relay');
        expect(row?.n).toBe(0);
      }
    }
  });

  it('gives its lanes back also when it has failed', async () => {
    const app = await start();
    await addOfKey(app, 'a', 3);
    publisher.before = () => {
      throw new Error('a programming error of the publisher');
    };
    await expect(drain(app)).rejects.toThrow('a programming error of the publisher');
    expect(await liveLeases()).toBe(0);
    publisher.before = () => undefined;
    expect(await drain(app)).toMatchObject({ published: 3 });
  });

  it('leaves alone what a relay owns that runs in another process', async () => {
    const ofRelay = new RecordingPublisher();
    const relay = await start({ relay: true, publisher: ofRelay, pollIntervalSeconds: 0.1 });
    const app = await start();
    await addOfKey(relay, 'a', 1);
    await allSettled(relay);
    const ids = await addOfKey(app, 'a', 100);
    expect(await drain(app)).toMatchObject({ published: 0, ended: 'done' });
    await allSettled(app);
    expect(ofRelay.ids.slice(1)).toEqual(ids);
    expect(publisher.taken).toEqual([]);
  });

  it('where the relay runs anyway, hastens it, and takes no lanes from it', async () => {
    // Its pool is too small for listening: nobody wakes the relay.
    const app = await start({ relay: true, pollIntervalSeconds: 3600 }, { extra: { max: 3 } });
    const writer = await startOutboxApp({ url: database.url });
    apps.push(writer);
    await addOfKey(app, 'a', 1);
    await allSettled(app);
    const ids = await addOfKey(writer, 'a', 10);
    // The relay's own delivery of the first one may just have taken some of these as well.
    expect(await drain(app)).toMatchObject({ retried: 0, dead: 0, ended: 'done' });
    expect(publisher.ids.slice(1)).toEqual(ids);
    expect(await pending(app)).toBe(0);
    expect(await liveLeases()).toBe(64);
  });

  it('connects the publisher itself, and the application disconnects it', async () => {
    const app = await start();
    expect(publisher.connects).toBe(0);
    await drain(app);
    expect([publisher.connects, publisher.disconnects]).toEqual([1, 0]);
    await app.close();
    expect(publisher.disconnects).toBe(1);
    expect(await drain(app)).toMatchObject({ published: 0, ended: 'limit' });
    expect(publisher.connects).toBe(1);
  });

  it('ends with the application, after the batch that is under way', async () => {
    const app = await start({ batchSize: 10 });
    const ids = await addOfKey(app, 'a', 100);
    const draining: Promise<DrainResult>[] = [];
    let closing: Promise<void> | undefined;
    publisher.before = () => {
      closing ??= app.close();
    };
    draining.push(drain(app), drain(app));
    const [first, second] = await Promise.all(draining);
    await closing;
    expect(first).toMatchObject({ ended: 'limit' });
    expect(second).toMatchObject({ published: 0, ended: 'limit' });
    expect(publisher.ids).toEqual(ids.slice(0, first!.published));
    expect(await liveLeases()).toBe(0);
  });
});
