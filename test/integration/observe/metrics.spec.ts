import { register } from 'prom-client';
import type { OutboxModuleOptions } from 'nestjs-outboxed';
import { addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';
import { queryLogger } from '../support/query-logger';
import { scraped } from '../support/scrape';

describe('The metrics', () => {
  let database: TestDatabase;
  let publisher: RecordingPublisher;
  const apps: OutboxApp[] = [];

  const start = async (options: OutboxModuleOptions = {}, log: string[] = []): Promise<OutboxApp> => {
    const app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.1, enableMetrics: true, ...options },
      typeorm: { logger: queryLogger((query) => void log.push(query)) },
    });
    apps.push(app);
    return app;
  };
  const add = (app: OutboxApp, ...types: string[]): Promise<string[]> =>
    app.dataSource.transaction(() =>
      app.outbox.addEvents(types.map((eventType, n) => anEvent({ eventType, aggregateId: `${n}` }))),
    );
  const becomes = async (name: string, value: number | undefined, labels = {}): Promise<void> => {
    await eventually(`${name} of ${value}`, async () => (await scraped(name, labels)) === value);
  };

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  it('count what was added once it has committed, and nothing of what was rolled back', async () => {
    const app = await start();
    await add(app, 'Placed', 'Placed', 'Cancelled');
    await app.dataSource
      .transaction(async () => {
        await app.outbox.addEvent(anEvent({ eventType: 'Placed' }));
        throw new Error('no');
      })
      .catch(() => undefined);
    await app.dataSource.transaction(async (manager) => {
      await app.outbox.addEvent(anEvent({ eventType: 'Kept' }));
      await manager
        .transaction(async () => {
          await app.outbox.addEvent(anEvent({ eventType: 'Undone' }));
          throw new Error('no');
        })
        .catch(() => undefined);
    });
    await allSettled(app);
    const rows = await database.query<{ type: string; n: number }>(
      'select event_type as type, count(*)::int as n from event_outbox group by 1',
    );
    expect(rows).toHaveLength(3);
    for (const { type, n } of rows) {
      expect(await scraped('outbox_events_added_total', { event_type: type })).toBe(n);
      await becomes('outbox_events_published_total', n, { event_type: type });
    }
    expect(await scraped('outbox_events_added_total', { event_type: 'Undone' })).toBeUndefined();
    expect(publisher.taken).toHaveLength(4);
  });

  it('tell how old events were, how long batches took, and how large they were', async () => {
    const app = await start();
    const event = anEvent({ eventData: 'x'.repeat(998) });
    await app.dataSource.transaction(() => app.outbox.addEvents(Array.from({ length: 20 }, () => event)));
    await allSettled(app);
    await becomes('outbox_event_age_seconds_count', 20);
    expect(await scraped('outbox_event_age_seconds_bucket', { le: '60' })).toBe(20);
    const batches = await scraped('outbox_relay_processing_seconds_count');
    expect(batches).toBeGreaterThanOrEqual(1);
    expect(await scraped('outbox_batch_events_count')).toBe(batches);
    expect(await scraped('outbox_batch_events_sum')).toBe(20);
    expect(await scraped('outbox_batch_bytes_sum')).toBe(20_000);
  });

  it('reckon the age of a delayed event from the end of its delay', async () => {
    const app = await start();
    const id = await app.dataSource.transaction(() =>
      app.outbox.addEvent(anEvent({ availableAt: new Date(Date.now() + 3_600_000) })),
    );
    await becomes('outbox_delayed_events', 1);
    expect(await scraped('outbox_queue_depth')).toBe(1);
    expect(await scraped('outbox_oldest_pending_age_seconds')).toBe(0);
    const past = `clock_timestamp() - interval '40 seconds'`;
    await database.query(
      `update event_outbox set available_at = ${past}, retry_at = ${past}, created_at = created_at - interval '1 day' where id = $1`,
      [id],
    );
    await becomes('outbox_event_age_seconds_count', 1);
    expect(await scraped('outbox_event_age_seconds_bucket', { le: '30' })).toBe(0);
    expect(await scraped('outbox_event_age_seconds_bucket', { le: '300' })).toBe(1);
  });

  it('count refusals and dead letters, and show which keys and events wait', async () => {
    publisher.refuses = ({ key }) => key === 'bad';
    const app = await start({ maxRetries: 1, errorRetryIntervalSeconds: 0.2, afterDeadLetter: 'hold' });
    await addOfKey(app, 'bad', 3);
    await becomes('outbox_dead_letters', 1);
    await becomes('outbox_held_keys', 1);
    expect(publisher.refused).toHaveLength(2);
    expect(await scraped('outbox_events_failed_total')).toBe(2);
    expect(await scraped('outbox_events_dead_lettered_total')).toBe(1);
    expect(await scraped('outbox_queue_depth')).toBe(2);
    await database.query(
      'update event_outbox set attempts = 1, retry_at = now() where seq = (select min(seq) from event_outbox)',
    );
    await becomes('outbox_failing_events', 1);
    expect(await scraped('outbox_events_published_total')).toBeUndefined();
  });

  it('show an outage of the broker while it lasts, with the age of what waits, and its end', async () => {
    publisher.away = 'no broker answers';
    const app = await start();
    await add(app, 'Placed', 'Placed');
    await becomes('outbox_publisher_available', 0);
    await becomes('outbox_queue_depth', 2);
    await eventually('several tries', () => publisher.batches.length >= 3);
    expect(await scraped('outbox_relay_errors_total', { error_type: 'publisher_unavailable' })).toBeGreaterThanOrEqual(
      2,
    );
    await eventually('age', async () => ((await scraped('outbox_oldest_pending_age_seconds')) ?? 0) > 1);
    expect(await scraped('outbox_events_failed_total')).toBeUndefined();
    publisher.away = undefined;
    await becomes('outbox_publisher_available', 1);
    await becomes('outbox_queue_depth', 0);
    expect(await scraped('outbox_oldest_pending_age_seconds')).toBe(0);
  });

  it('are the truth of the table from any instance, and of lanes the share of each', async () => {
    publisher.away = 'no broker answers';
    const one = await start({ source: '/one' });
    await start({ source: '/two' });
    await start({ source: '/writer', relay: false });
    await add(one, 'A', 'B', 'C');
    for (const service of ['/one', '/two', '/writer']) {
      await becomes('outbox_queue_depth', 3, { service });
      await becomes('outbox_relays', 2, { service });
      await becomes('outbox_lanes_leased', 64, { service });
    }
    await becomes('outbox_lanes_owned', 32, { service: '/one' });
    await becomes('outbox_lanes_owned', 32, { service: '/two' });
    expect(await scraped('outbox_lanes_owned', { service: '/writer' })).toBe(0);
    expect(await scraped('outbox_publisher_available', { service: '/writer' })).toBeUndefined();
    publisher.away = undefined;
    await allSettled(one);
    const published = async (service: string): Promise<number> => {
      const counts = ['A', 'B', 'C'].map((type) =>
        scraped('outbox_events_published_total', { service, event_type: type }),
      );
      return (await Promise.all(counts)).reduce<number>((sum, count) => sum + (count ?? 0), 0);
    };
    await eventually('the counts of both', async () => (await published('/one')) + (await published('/two')) === 3);
    expect(publisher.taken).toHaveLength(3);
  });

  it('count what the broker took and the relay could not settle, which consumers get again', async () => {
    const app = await start();
    await becomes('outbox_lanes_owned', 64);
    let stolen = false;
    publisher.before = async () => {
      if (!stolen) {
        stolen = true;
        await database.query(
          `update event_outbox_lane set owner = gen_random_uuid(), epoch = epoch + 1, expires_at = clock_timestamp() + interval '1 second'`,
        );
      }
    };
    await add(app, 'A', 'B', 'C');
    await allSettled(app);
    expect(publisher.taken).toHaveLength(6);
    await becomes('outbox_redeliveries_total', 3);
    await becomes('outbox_events_published_total', 1, { event_type: 'A' });
    expect(await scraped('outbox_lease_losses_total')).toBe(64);
    expect(await scraped('outbox_relay_errors_total', { error_type: 'lease_lost' })).toBeGreaterThanOrEqual(1);
  });

  it('can be read while the database cannot, and do not show what is not known', async () => {
    await start();
    await becomes('outbox_database_available', 1);
    await database.query('alter table event_outbox rename to event_outbox_away');
    await becomes('outbox_database_available', 0);
    expect(await scraped('outbox_queue_depth')).toBeUndefined();
    await eventually(
      'an error',
      async () => ((await scraped('outbox_relay_errors_total', { error_type: 'database' })) ?? 0) > 0,
    );
    await database.query('alter table event_outbox_away rename to event_outbox');
    await becomes('outbox_database_available', 1);
    await becomes('outbox_queue_depth', 0);
  });

  it('cost one statement, however many ask at a time', async () => {
    const log: string[] = [];
    await start({}, log);
    const readings = (): number => log.filter((query) => query.includes('"oldestPendingSeconds"')).length;
    await Promise.all(Array.from({ length: 50 }, () => register.metrics()));
    expect(readings()).toBe(1);
  });

  it('tell no more than a hundred event types apart, or none if that is not wanted', async () => {
    const types = Array.from({ length: 130 }, (_, n) => `Type${n}`);
    const many = await start({ source: '/many' });
    await add(many, ...types);
    await allSettled(many);
    await becomes('outbox_events_published_total', 30, { service: '/many', event_type: 'other' });
    const none = await start({ source: '/none', metricsByEventType: false });
    await add(none, ...types);
    await allSettled(none);
    expect(await scraped('outbox_events_added_total', { service: '/none', event_type: '' })).toBe(130);
  });

  it('leave nothing behind in the registry of the process, and nothing of others out of it', async () => {
    const first = await start({ source: '/first' });
    const second = await start({ source: '/second' });
    await becomes('outbox_queue_depth', 0, { service: '/first' });
    await first.close();
    expect(await scraped('outbox_queue_depth', { service: '/first' })).toBeUndefined();
    expect(await scraped('outbox_queue_depth', { service: '/second' })).toBe(0);
    await second.close();
    expect(register.getMetricsAsArray()).toEqual([]);
  });
});
