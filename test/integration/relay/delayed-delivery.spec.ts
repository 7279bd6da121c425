import type { OutboxModuleOptions } from 'nestjs-outboxed';
import { addAll, addOfKey, allSettled, keysBeside } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('An event for a later time', () => {
  let database: TestDatabase;
  let publisher: RecordingPublisher;
  const apps: OutboxApp[] = [];

  const start = async (options: OutboxModuleOptions = {}): Promise<OutboxApp> => {
    const app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.2, errorRetryIntervalSeconds: 0.05, ...options },
    });
    apps.push(app);
    return app;
  };

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  /** The test and the database share a machine, but not each stroke of its clock. */
  const CLOCKS_DIFFER_MS = 5;
  const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);

  it('is not delivered before it, and is soon after it, by itself', async () => {
    const app = await start();
    const due = new Map<string, number>();
    const arrived = new Map<string, number>();
    publisher.refuses = ({ id }) => {
      arrived.set(id, Date.now());
      return false;
    };
    for (let n = 0; n < 20; n++) {
      const availableAt = inSeconds(0.3 + n * 0.1);
      const [id] = await addAll(app, [{ aggregateId: `key-${n}`, availableAt }]);
      due.set(id!, availableAt.getTime());
    }
    await allSettled(app);
    for (const [id, time] of due) {
      expect(arrived.get(id)).toBeGreaterThanOrEqual(time - CLOCKS_DIFFER_MS);
    }
    expect(publisher.ids).toEqual([...due.keys()]);
  });

  it('is waited for in its own time, and not in that of a poll, once it is known', async () => {
    const app = await start({ pollIntervalSeconds: 3600 });
    await addAll(app, [{ aggregateId: 'a', availableAt: inSeconds(2) }]);
    // By the first commit it may still be unknown: a look is taken each second at most.
    await eventually('its delivery', async () => {
      if (publisher.taken.length === 0) {
        await addAll(app, [{ aggregateId: 'b', availableAt: inSeconds(3600) }]);
      }
      return publisher.taken.length === 1;
    });
  });

  it('lets later events of its key pass, and comes before later ones of its key when it is due', async () => {
    const app = await start();
    const [delayed] = await addAll(app, [{ aggregateId: 'a', availableAt: inSeconds(3) }]);
    const passing = await addAll(app, [{ aggregateId: 'a' }, { aggregateId: 'a' }]);
    await eventually('those that pass', () => publisher.taken.length === 2);
    await app.close();
    apps.splice(apps.indexOf(app), 1);
    const writer = await startOutboxApp({ url: database.url });
    apps.push(writer);
    await eventually('its time', async () => (await writer.outbox.stats()).delayed === 0);
    await start({ batchSize: 1 });
    await eventually('the delayed one', () => publisher.ids.includes(delayed!));
    const later = await addAll(writer, [{ aggregateId: 'a' }]);
    await allSettled(writer);
    expect(publisher.ids).toEqual([...passing, delayed, ...later]);
  });

  it('waits behind a failing event of its key, and then comes', async () => {
    const app = await start({ maxRetries: 1000, errorRetryIntervalSeconds: 0.2 });
    let isCured = false;
    publisher.refuses = ({ value }) => value === '"bad"' && !isCured;
    const ids = await addAll(app, [
      { aggregateId: 'a', eventData: 'bad' },
      { aggregateId: 'a', availableAt: inSeconds(0.5) },
      { aggregateId: 'a' },
      { aggregateId: 'b', availableAt: inSeconds(1) },
    ]);
    await eventually('another key, whose time comes later', () => publisher.ids.includes(ids[3]!));
    await eventually('the time of both', async () => (await app.outbox.stats()).delayed === 0);
    expect(publisher.idsOf('a')).toEqual([]);
    isCured = true;
    await allSettled(app);
    expect(publisher.idsOf('a')).toEqual(ids.slice(0, 3));
  });

  it('that is refused when it is due holds its key, and is tried again', async () => {
    const app = await start({ maxRetries: 1000, errorRetryIntervalSeconds: 0.2 });
    let isCured = false;
    publisher.refuses = ({ value }) => value === '"bad"' && !isCured;
    const [delayed] = await addAll(app, [{ aggregateId: 'a', eventData: 'bad', availableAt: inSeconds(0.3) }]);
    await eventually('its refusal', () => publisher.refused.length > 0);
    const later = await addAll(app, [{ aggregateId: 'a' }, { aggregateId: 'b' }]);
    await eventually('another key', () => publisher.ids.includes(later[1]!));
    expect(publisher.idsOf('a')).toEqual([]);
    isCured = true;
    await allSettled(app);
    expect(publisher.idsOf('a')).toEqual([delayed, later[0]]);
  });

  it('does not hold up others by the thousand, and all come when they are due, in order', async () => {
    const app = await start();
    const [beside] = keysBeside('delayed', 1, 'in its lane');
    const availableAt = inSeconds(12);
    const delayed = await addOfKey(app, 'delayed', 15_000, { availableAt });
    const behind = await addAll(app, [{ eventKey: beside }, { eventKey: 'another' }]);
    await eventually('what was added after them', () => publisher.taken.length === 2);
    expect(publisher.ids.sort()).toEqual(behind.sort());
    await eventually('their time', () => Date.now() > availableAt.getTime());
    await allSettled(app);
    expect(publisher.idsOf('delayed')).toEqual(delayed);
  });

  it('is delivered by the relay that takes over meanwhile', async () => {
    const first = await start();
    const ids = await addOfKey(first, 'a', 50, { availableAt: inSeconds(4) });
    await eventually('the relay to know of them', async () => (await first.outbox.stats()).delayed === 50);
    const second = await start();
    apps.splice(apps.indexOf(first), 1);
    await first.close();
    await allSettled(second);
    expect(publisher.ids).toEqual(ids);
  });

  it('is delivered once the relay is there again, if its time passes without one', async () => {
    const writer = await startOutboxApp({ url: database.url });
    apps.push(writer);
    const ids = await addOfKey(writer, 'a', 3, { availableAt: inSeconds(0.3) });
    ids.push(...(await addOfKey(writer, 'a', 2)));
    await eventually('its time', async () => (await writer.outbox.stats()).delayed === 0);
    const relay = await start();
    await allSettled(relay);
    expect([...publisher.ids].sort()).toEqual([...ids].sort());
    expect(publisher.ids.filter((id) => ids.indexOf(id) < 3)).toEqual(ids.slice(0, 3));
    expect(publisher.ids.filter((id) => ids.indexOf(id) >= 3)).toEqual(ids.slice(3));
  });
});
