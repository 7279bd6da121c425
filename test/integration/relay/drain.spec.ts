import {
  EventRelayWorker,
  OutboxArgumentInvalidError,
  OutboxNothingToDrainToError,
  type DrainLimits,
  type DrainResult,
  type OutboxModuleOptions,
} from 'nestjs-outboxed';
import { addAll, addOfKey } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('drain()', () => {
  let database: TestDatabase;
  let publisher: RecordingPublisher;
  const apps: OutboxApp[] = [];

  const start = async (options: OutboxModuleOptions = {}): Promise<OutboxApp> => {
    const app = await startOutboxApp({
      url: database.url,
      outbox: { relay: false, publisher, errorRetryIntervalSeconds: 3600, ...options },
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

  it('delivers all that is due, in order, and counts what became of it', async () => {
    const app = await start({ maxRetries: 0, batchSize: 100 });
    publisher.refuses = ({ value }) => value === '"bad"';
    const ids = await addOfKey(app, 'a', 350);
    const others = await addAll(app, [
      { eventKey: 'b', eventData: 'bad' },
      { eventKey: 'b' },
      { eventKey: 'c', availableAt: new Date(Date.now() + 3_600_000) },
    ]);
    expect(await drain(app)).toEqual({ published: 351, retried: 0, dead: 1, ended: 'done' });
    expect(publisher.idsOf('a')).toEqual(ids);
    expect(publisher.idsOf('b')).toEqual([others[1]]);
    expect(await app.outbox.stats()).toMatchObject({ pending: 1, delayed: 1, deadLetters: 1, published: 351 });
  });

  it('with nothing to do says so', async () => {
    const app = await start();
    const nothing = { published: 0, retried: 0, dead: 0, ended: 'done' };
    expect([await drain(app), await drain(app)]).toEqual([nothing, nothing]);
    expect(publisher.batches).toEqual([]);
  });

  it('takes up no more than its limit', async () => {
    const app = await start({ batchSize: 10 });
    const ids = await addOfKey(app, 'a', 40);
    expect(await drain(app, { limit: 7 })).toEqual({ published: 7, retried: 0, dead: 0, ended: 'limit' });
    expect(await drain(app, { limit: 25 })).toEqual({ published: 25, retried: 0, dead: 0, ended: 'limit' });
    expect(await drain(app, { limit: 25 })).toEqual({ published: 8, retried: 0, dead: 0, ended: 'done' });
    expect(publisher.ids).toEqual(ids);
  });

  it('counts what is tried again against the limit', async () => {
    const app = await start({ errorRetryIntervalSeconds: 0.01 });
    publisher.refuses = () => true;
    await addAll(
      app,
      Array.from({ length: 20 }, (_, n) => ({ eventKey: `key-${n}` })),
    );
    expect(await drain(app, { limit: 20 })).toMatchObject({ retried: 20 });
    publisher.refuses = () => false;
    await eventually('the retries to be due', async () => {
      const [row] = await database.query<{ due: number }>(
        'select count(*)::int as due from event_outbox where retry_at <= clock_timestamp()',
      );
      return row!.due === 20;
    });
    expect(await drain(app, { limit: 5 })).toEqual({ published: 5, retried: 0, dead: 0, ended: 'limit' });
    expect(await pending(app)).toBe(15);
    expect(await drain(app)).toEqual({ published: 15, retried: 0, dead: 0, ended: 'done' });
  });

  it('does not wait for what was refused, and takes it up when its time has come', async () => {
    const app = await start({ errorRetryIntervalSeconds: 0.5 });
    publisher.refuses = ({ value }) => value === '"bad"';
    const ids = await addAll(app, [{ eventKey: 'a', eventData: 'bad' }, { eventKey: 'a' }, { eventKey: 'b' }]);
    expect(await drain(app)).toEqual({ published: 1, retried: 1, dead: 0, ended: 'done' });
    publisher.refuses = () => false;
    await eventually('its time', async () => (await drain(app)).published > 0 || (await pending(app)) === 0);
    await eventually('the rest', async () => (await drain(app)).ended === 'done' && (await pending(app)) === 0);
    expect(publisher.idsOf('a')).toEqual(ids.slice(0, 2));
  });

  it('begins nothing once its seconds have passed', async () => {
    const app = await start({ batchSize: 1 });
    await addOfKey(app, 'a', 200);
    expect(await drain(app, { seconds: 0 })).toEqual({ published: 0, retried: 0, dead: 0, ended: 'limit' });
    expect(publisher.batches).toEqual([]);
    publisher.before = () => new Promise((resolve) => setTimeout(resolve, 50));
    const { published, ended } = await drain(app, { seconds: 1 });
    expect(ended).toBe('limit');
    expect(published).toBeLessThanOrEqual(20);
    expect(publisher.ids).toHaveLength(published);
    expect(await pending(app)).toBe(200 - published);
  });

  it('says that the broker is away, and charges nothing with an attempt', async () => {
    const app = await start();
    await addOfKey(app, 'a', 5);
    publisher.away = 'no broker answers';
    expect(await drain(app)).toEqual({ published: 0, retried: 0, dead: 0, ended: 'unavailable' });
    expect(publisher.batches).toHaveLength(1);
    expect(await app.outbox.stats()).toMatchObject({ pending: 5, failing: 0 });
    publisher.away = undefined;
    expect(await drain(app)).toMatchObject({ published: 5, ended: 'done' });
  });

  it.each([
    { limit: 0 },
    { limit: -1 },
    { limit: 1.5 },
    { limit: NaN },
    { limit: '10' as unknown as number },
    { seconds: -1 },
    { seconds: NaN },
    { seconds: '1' as unknown as number },
  ])('refuses %j', async (limits) => {
    const app = await start();
    await expect(drain(app, limits)).rejects.toBeInstanceOf(OutboxArgumentInvalidError);
    expect(await liveLeases()).toBe(0);
  });

  it('without a publisher tells what is missing', async () => {
    const app = await startOutboxApp({ url: database.url });
    apps.push(app);
    await expect(drain(app)).rejects.toBeInstanceOf(OutboxNothingToDrainToError);
    await expect(drain(app)).rejects.toMatchObject({ code: 'OUTBOX_NOTHING_TO_DRAIN_TO' });
  });
});
