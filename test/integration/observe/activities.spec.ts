import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { OutboxEvents, type OutboxActivity } from 'nestjs-outboxed';
import { addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('What happens in the outbox', () => {
  let database: TestDatabase;
  let publisher: RecordingPublisher;
  let app: OutboxApp;
  let activities: OutboxActivity[];

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
    app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.1, maxRetries: 1, errorRetryIntervalSeconds: 0.1 },
    });
    activities = [];
    app.module.get(OutboxEvents).subscribe((activity) => void activities.push(activity));
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const of = <Type extends OutboxActivity['type']>(type: Type): (OutboxActivity & { type: Type })[] =>
    activities.filter((activity): activity is OutboxActivity & { type: Type } => activity.type === type);

  it('is told in its order, from the commit to the end of each event, and without what events carry', async () => {
    publisher.refuses = ({ key }) => key === 'bad';
    const [good] = await addOfKey(app, 'good', 1);
    await allSettled(app);
    const [bad] = await addOfKey(app, 'bad', 1);
    await eventually('its death', () => of('dead').length > 0);
    const named = (id: string | undefined, key: string): object => ({
      id,
      key,
      topic: 'items',
      eventType: 'ItemChanged',
    });
    expect(of('added')).toHaveLength(2);
    expect(of('published')).toEqual([
      { type: 'published', events: [{ ...named(good, 'good'), ageSeconds: expect.any(Number) as number }] },
    ]);
    expect(of('retried')).toEqual([
      {
        type: 'retried',
        events: [
          { ...named(bad, 'bad'), attempts: 1, reason: `refused ${bad}`, retryInSeconds: expect.any(Number) as number },
        ],
      },
    ]);
    expect(of('dead')).toEqual([
      { type: 'dead', events: [{ ...named(bad, 'bad'), attempts: 2, reason: `refused ${bad}` }] },
    ]);
    const order = activities
      .map(({ type }) => type)
      .filter((type) => ['added', 'published', 'retried', 'dead'].includes(type));
    expect(order).toEqual(['added', 'published', 'added', 'retried', 'dead']);
    expect(app.logs.filter((line) => !line.includes('polls only'))).toEqual([]);
  });

  it('is told on diagnostics channels, to whoever listens there', async () => {
    const heard: unknown[] = [];
    const listener = (message: unknown): void => void heard.push(message);
    subscribe('nestjs-outboxed:added', listener);
    await addOfKey(app, 'a', 2);
    unsubscribe('nestjs-outboxed:added', listener);
    await addOfKey(app, 'a', 2);
    expect(heard).toEqual([{ dataSource: 'default', type: 'added', counts: [{ eventType: 'ItemChanged', count: 2 }] }]);
  });

  it('is told of lanes that are taken and given back, and ends with the application', async () => {
    let completed = false;
    const released: number[] = [];
    app.module.get(OutboxEvents).subscribe({
      next: (activity) => {
        if (activity.type === 'lease-released') {
          released.push(...activity.lanes);
        }
      },
      complete: () => {
        completed = true;
      },
    });
    await addOfKey(app, 'a', 1);
    await allSettled(app);
    const other = await startOutboxApp({ url: database.url, outbox: { publisher, pollIntervalSeconds: 0.1 } });
    await eventually('the share of the other', () => released.length === 32);
    const taken = (): number => of('lease-taken').flatMap(({ lanes }) => lanes).length;
    const before = taken();
    await other.close();
    await eventually('the lanes of the other', () => taken() === before + 32);
    expect(of('lease-lost')).toEqual([]);
    await app.close();
    expect(completed).toBe(true);
    expect(released).toHaveLength(32 + 64);
  });
});
