import { InProcessPublisher, type OutboxMessage } from 'nestjs-outboxed';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';

describe('Several relays on one database', () => {
  let database: TestDatabase;
  const apps: OutboxApp[] = [];

  const startRelay = async (
    received: OutboxMessage[],
    handler?: (message: OutboxMessage) => Promise<void>,
  ): Promise<OutboxApp> => {
    const publisher = new InProcessPublisher();
    publisher.subscribe('items', async (message) => {
      await handler?.(message);
      received.push(message);
    });
    const app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.05, leaseSeconds: 600 },
    });
    apps.push(app);
    return app;
  };
  const add = (app: OutboxApp, count: number): Promise<string[]> =>
    app.dataSource.transaction(() =>
      app.outbox.addEvents(Array.from({ length: count }, (_, n) => anEvent({ aggregateId: `item-${String(n % 7)}` }))),
    );

  beforeEach(async () => {
    database = await createDatabase();
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  it('deliver each event once, since only one owns a lane', async () => {
    const received: OutboxMessage[] = [];
    const first = await startRelay(received);
    const second = await startRelay(received);
    const ids = [...(await add(first, 100)), ...(await add(second, 100))];
    await eventually('all to be delivered', async () => (await first.outbox.stats()).pending === 0);
    expect(received.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  it('hand over at once when one is closed', async () => {
    const byFirst: OutboxMessage[] = [];
    const bySecond: OutboxMessage[] = [];
    const first = await startRelay(byFirst);
    await add(first, 1);
    await eventually('the first relay to deliver', () => byFirst.length === 1);
    const second = await startRelay(bySecond);
    await first.close();
    apps.splice(apps.indexOf(first), 1);
    await add(second, 5);
    // Long before the lease is over: only if it was given back.
    await eventually('the second relay to deliver', () => bySecond.length === 5);
  });

  it('never let a former owner settle: its rows stay pending for the new owner', async () => {
    const byFirst: OutboxMessage[] = [];
    let release: () => void = () => undefined;
    const sending = new Promise<void>((resolve) => (release = resolve));
    let began = false;
    const first = await startRelay(byFirst, async () => {
      began = true;
      await sending;
    });
    await add(first, 3);
    await eventually('the send to be under way', () => began);
    // Another relay takes over, as it would after the lease has lapsed.
    await database.query(
      `update event_outbox_lane set owner = gen_random_uuid(), epoch = epoch + 1, expires_at = clock_timestamp() + interval '1 hour'`,
    );
    release();
    await eventually('the first relay to have sent', () => byFirst.length >= 3);
    await first.close();
    apps.splice(apps.indexOf(first), 1);
    const [row] = await database.query<{ pending: number }>(
      'select count(*)::int as pending from event_outbox where published_at is null',
    );
    expect(row?.pending).toBe(3);
  });

  it('settle nothing when a takeover commits while the settling statement runs', async () => {
    const byFirst: OutboxMessage[] = [];
    let release: () => void = () => undefined;
    const sending = new Promise<void>((resolve) => (release = resolve));
    let began = false;
    const first = await startRelay(byFirst, async () => {
      began = true;
      await sending;
    });
    await add(first, 3);
    await eventually('the send to be under way', () => began);
    await database.query('begin');
    await database.query(`update event_outbox_lane set owner = gen_random_uuid(), epoch = epoch + 1,
                          expires_at = clock_timestamp() + interval '1 hour'`);
    release();
    // It must wait for the lane's row: one that only compared epochs would go by the row as it was.
    await eventually('the settling to wait for the takeover', async () => {
      // Not on the connection of the takeover: within a transaction, pg_stat_activity is always as it was when first read.
      const [row] = await first.dataSource.query<{ waiting: number }[]>(
        `select count(*)::int as waiting from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '%outbox: settle%'`,
      );
      return (row?.waiting ?? 0) > 0;
    });
    await database.query('commit');
    await first.close();
    apps.splice(apps.indexOf(first), 1);
    const [row] = await database.query<{ pending: number }>(
      'select count(*)::int as pending from event_outbox where published_at is null',
    );
    expect(row?.pending).toBe(3);
  });

  it('finish what is in flight when the application closes', async () => {
    const received: OutboxMessage[] = [];
    let started = false;
    const app = await startRelay(received, async () => {
      started = true;
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    await add(app, 1);
    await eventually('the delivery to begin', () => started);
    await app.close();
    apps.splice(apps.indexOf(app), 1);
    const [row] = await database.query<{ published: number }>(
      'select count(published_at)::int as published from event_outbox',
    );
    expect(received).toHaveLength(1);
    expect(row?.published).toBe(1);
  });
});
