import { EventRelayWorker, OutboxUpkeep } from 'nestjs-outboxed';
import { addAll, addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('Closing the application', () => {
  let database: TestDatabase;
  let writer: OutboxApp;
  const apps: OutboxApp[] = [];

  const start = async (publisher: RecordingPublisher, relay = true, typeorm = {}): Promise<OutboxApp> => {
    const app = await startOutboxApp({
      url: database.url,
      typeorm,
      outbox: { publisher, relay, pollIntervalSeconds: 0.1, shutdownSeconds: 1, batchSize: 100 },
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

  /** What PostgreSQL knows of a relay that is gone: nothing. */
  const expectNothingLeft = async (): Promise<void> => {
    const [row] = await database.query<object>(
      `select (select count(*) from event_outbox_lane where expires_at > '-infinity')::int as leases,
              (select count(*) from event_outbox_relay)::int as relays`,
    );
    expect(row).toEqual({ leases: 0, relays: 0 });
  };

  const connections = async (): Promise<number> => {
    const [row] = await database.query<{ n: number }>(
      'select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    return row!.n;
  };

  it('in the middle of a large backlog loses nothing, repeats nothing, and leaves nothing behind', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `key-${n}`);
    const ids = await addAll(
      writer,
      Array.from({ length: 8000 }, (_, n) => ({ eventKey: keys[n % keys.length] })),
    );
    const publisher = new RecordingPublisher();
    const before = await connections();
    for (const share of [0.2, 0.5, 0.8]) {
      const app = await start(publisher);
      await eventually('a part of it', () => publisher.taken.length > share * ids.length, { everyMs: 1 });
      await app.close();
      expect(publisher.taken.length).toBeLessThan(ids.length);
      await expectNothingLeft();
      await eventually('its connections to be closed', async () => (await connections()) === before);
    }
    await start(publisher);
    await allSettled(writer);
    expect(publisher.taken).toHaveLength(ids.length);
    expect(keys.map((key) => publisher.idsOf(key))).toEqual(
      keys.map((_, k) => ids.filter((__, n) => n % keys.length === k)),
    );
  });

  it.each([
    ['the relay', true],
    ['drain()', false],
  ])(
    'while the broker takes what %s sends and never answers, ends after shutdownSeconds and says so',
    async (_, relay) => {
      const hanging = new RecordingPublisher();
      let answer: () => void = () => undefined;
      hanging.before = () => new Promise((resolve) => (answer = resolve));
      const app = await start(hanging, relay);
      const ids = await addOfKey(writer, 'a', 3);
      const draining = relay ? undefined : app.module.get(EventRelayWorker).drain();
      await eventually('the send', () => hanging.batches.length === 1);
      const began = performance.now();
      await app.close();
      const seconds = (performance.now() - began) / 1000;
      expect(seconds).toBeGreaterThan(0.9);
      expect(seconds).toBeLessThan(30);
      expect(app.logs.filter((line) => line.includes('within 1 s (shutdownSeconds)'))).toHaveLength(1);
      expect(hanging.disconnects).toBe(1);
      await expectNothingLeft();

      const publisher = new RecordingPublisher();
      const next = await start(publisher);
      await allSettled(writer);
      expect(publisher.ids).toEqual(ids);

      answer();
      await draining?.catch(() => undefined);
      // Waits for the end of what was left alone.
      await app.module.get(EventRelayWorker).beforeApplicationShutdown();
      // Nest has one logger for all applications of a process: that of the last one.
      expect(next.logs.filter((line) => line.includes('resumes'))).toEqual([]);
    },
  );

  it('ends also if the publisher never ends its disconnecting, and says so', async () => {
    const publisher = new RecordingPublisher();
    publisher.disconnect = () => new Promise(() => undefined);
    const app = await start(publisher);
    await addOfKey(app, 'a', 3);
    await allSettled(writer);
    await app.close();
    expect(app.logs.filter((line) => line.includes('disconnect'))).toHaveLength(1);
    await expectNothingLeft();
  });

  it('while the broker is away does not wait for it', async () => {
    const publisher = new RecordingPublisher();
    publisher.away = 'no broker answers';
    const app = await start(publisher);
    await addOfKey(app, 'a', 3);
    await eventually('several tries', () => publisher.batches.length >= 5);
    await app.close();
    await expectNothingLeft();
    expect((await writer.outbox.stats()).pending).toBe(3);
    expect(app.logs.filter((line) => line.includes('shutdownSeconds'))).toEqual([]);
  });

  it.each([
    ['the relay, with a pool of two', { poolSize: 2 }, true],
    ['the relay, which keeps one connection for notifications', { poolSize: 5 }, true],
    ['drain()', { poolSize: 2 }, false],
  ])(
    'while the application holds all connections of the pool, does not wait for one: %s',
    async (_, typeorm, relay) => {
      const app = await start(new RecordingPublisher(), relay, typeorm);
      const held = Array.from({ length: typeorm.poolSize }, () => app.dataSource.createQueryRunner());
      const holding = held.map((runner) => runner.startTransaction());
      const pool = (app.dataSource.driver as unknown as { master: { idleCount: number; waitingCount: number } }).master;
      const draining = relay ? undefined : app.module.get(EventRelayWorker).drain();
      const upkeep = app.module.get(OutboxUpkeep).run();
      await eventually('nothing to be left', () => pool.idleCount === 0 && pool.waitingCount > 0, { everyMs: 1 });
      // TypeORM then waits for the application's transactions, which end when it has been asked to close.
      const destroy = app.dataSource.destroy.bind(app.dataSource);
      const began = performance.now();
      let seconds = NaN;
      jest.spyOn(app.dataSource, 'destroy').mockImplementation(async () => {
        seconds = (performance.now() - began) / 1000;
        await Promise.all(holding.splice(0));
        await Promise.all(held.map((runner) => runner.release()));
        await destroy();
      });
      await app.close();
      // A second for what is in flight, one for the rest, and one for a busy machine.
      expect(seconds).toBeLessThan(3);
      await Promise.allSettled([draining, upkeep]);
    },
  );
});
