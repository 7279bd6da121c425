import { setTimeout as sleep } from 'node:timers/promises';
import { InProcessPublisher, type OutboxModuleOptions } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

/** Several share a lane, so that one of them can commit late behind another. */
const KEYS = 300;
const WRITERS = 10;
const TRANSACTIONS = 300;

/** Which event of a key reached the broker first, second, ... : the ids by key. */
type FirstDeliveries = Map<string, string[]>;

describe('The order of each key', () => {
  let database: TestDatabase;
  const apps: OutboxApp[] = [];

  beforeEach(async () => {
    database = await createDatabase();
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  /** A relay that delivers into `deliveries`, and refuses one in `refuseOneIn` messages. */
  const startRelay = async (
    deliveries: FirstDeliveries,
    refuseOneIn: number,
    options: OutboxModuleOptions = {},
  ): Promise<OutboxApp> => {
    const publisher = new InProcessPublisher();
    publisher.subscribe('items', async ({ id, key }) => {
      if (Math.random() < 1 / refuseOneIn) {
        throw new Error('refused by chance');
      }
      if (Math.random() < 0.02) {
        await sleep(Math.random() * 20);
      }
      const ofKey = deliveries.get(key) ?? [];
      deliveries.set(key, ofKey);
      if (!ofKey.includes(id)) {
        ofKey.push(id);
      }
    });
    const app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.05, errorRetryIntervalSeconds: 0.05, maxRetries: 10_000, ...options },
    });
    apps.push(app);
    return app;
  };

  /** Transactions that stay open for a while, side by side, over many keys and a hot one; some roll back. */
  const write = async (app: OutboxApp): Promise<void> => {
    const writer = async (): Promise<void> => {
      for (let n = 0; n < TRANSACTIONS / WRITERS; n++) {
        await app.dataSource
          .transaction(async () => {
            const events = Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () =>
              anEvent({ aggregateId: Math.random() < 0.3 ? 'hot' : `key-${Math.floor(Math.random() * KEYS)}` }),
            );
            await app.outbox.addEvents(events);
            await sleep(Math.random() < 0.1 ? 300 : Math.random() * 15);
            if (Math.random() < 0.1) {
              throw new Error('rolled back on purpose');
            }
          })
          .catch((error: unknown) => {
            if (!(error instanceof Error) || error.message !== 'rolled back on purpose') {
              throw error;
            }
          });
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, writer));
  };

  const allDelivered = async (app: OutboxApp): Promise<void> => {
    await eventually('everything to be delivered', async () => (await app.outbox.stats()).pending === 0, {
      seconds: 60,
    });
  };

  /** The position in the outbox is the order of commits within a key (insert-events.ts, tested apart). */
  const expectCommitOrder = async (deliveries: FirstDeliveries): Promise<void> => {
    const rows = await database.query<{ id: string; event_key: string }>(
      'select id, event_key from event_outbox order by seq',
    );
    const committed: FirstDeliveries = new Map();
    for (const { id, event_key } of rows) {
      committed.set(event_key, [...(committed.get(event_key) ?? []), id]);
    }
    expect(Object.fromEntries(deliveries)).toEqual(Object.fromEntries(committed));
  };

  it('holds while transactions commit late behind others', async () => {
    const deliveries: FirstDeliveries = new Map();
    const app = await startRelay(deliveries, Infinity, { batchSize: 7 });
    await write(app);
    await allDelivered(app);
    await expectCommitOrder(deliveries);
  });

  it('holds while events are refused and tried again', async () => {
    const deliveries: FirstDeliveries = new Map();
    const app = await startRelay(deliveries, 15, { batchSize: 20 });
    await write(app);
    await allDelivered(app);
    await expectCommitOrder(deliveries);
  });

  it('holds while relays come and go', async () => {
    const deliveries: FirstDeliveries = new Map();
    const writer = await startOutboxApp({ url: database.url });
    apps.push(writer);
    let writing = true;
    const relays = (async () => {
      await startRelay(deliveries, 30, { batchSize: 10 });
      while (writing) {
        const another = await startRelay(deliveries, 30, { batchSize: 10 });
        await sleep(300);
        apps.splice(apps.indexOf(another), 1);
        await another.close();
      }
    })();
    await write(writer);
    writing = false;
    await relays;
    await allDelivered(writer);
    await expectCommitOrder(deliveries);
  });

  it('holds in a batch cut by bytes', async () => {
    const deliveries: FirstDeliveries = new Map();
    const app = await startRelay(deliveries, Infinity, { maxBatchBytes: 65_536 });
    await app.dataSource.transaction(() =>
      app.outbox.addEvents(
        Array.from({ length: 60 }, (_, n) =>
          anEvent({ aggregateId: `key-${n % 5}`, eventData: { n, filler: 'x'.repeat(n % 7 === 0 ? 100_000 : 5_000) } }),
        ),
      ),
    );
    await allDelivered(app);
    await expectCommitOrder(deliveries);
  });
});

describe('Many events that commit behind later ones', () => {
  it('are delivered in order, though they are more than fit into a batch, and hold up no other key', async () => {
    const database = await createDatabase();
    const received: string[] = [];
    const publisher = new InProcessPublisher();
    publisher.subscribe('items', ({ value }) => void received.push(value));
    const app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.05, batchSize: 50 },
    });
    const eventsOf = (key: string, count: number): Parameters<typeof app.outbox.addEvents>[0] =>
      Array.from({ length: count }, (_, n) => anEvent({ aggregateId: key, eventData: `${key} ${n}` }));
    let commit: () => void = () => undefined;
    const mayCommit = new Promise<void>((resolve) => (commit = resolve));
    const late = app.dataSource.transaction(async () => {
      await app.outbox.addEvents([...eventsOf('late', 1000), ...eventsOf('tardy', 1000)]);
      await mayCommit;
    });
    await app.dataSource.transaction(() =>
      app.outbox.addEvents(Array.from({ length: 200 }, (_, n) => anEvent({ aggregateId: `key-${n}` }))),
    );
    await eventually('the others to be delivered', () => received.length === 200);
    commit();
    await late;
    await app.dataSource.transaction(() => app.outbox.addEvents(eventsOf('late', 10)));
    await eventually('all to be delivered', async () => (await app.outbox.stats()).pending === 0);
    const of = (key: string): string[] => received.filter((text) => text.startsWith(`"${key} `));
    expect(of('late')).toEqual(
      [...eventsOf('late', 1000), ...eventsOf('late', 10)].map((e) => `"${String(e.eventData)}"`),
    );
    expect(new Set(of('tardy')).size).toBe(1000);
    await app.close();
    await database.drop();
  });
});

describe('An event that commits behind later ones', () => {
  it('is delivered, and before the next of its key, however long its transaction was open', async () => {
    const database = await createDatabase();
    const received: string[] = [];
    const publisher = new InProcessPublisher();
    publisher.subscribe('items', ({ value }) => void received.push(value));
    const app = await startOutboxApp({ url: database.url, outbox: { publisher, pollIntervalSeconds: 0.05 } });
    const add = (key: string, n: string): Promise<string> =>
      app.outbox.addEvent(anEvent({ aggregateId: key, eventData: n }));
    let commit: () => void = () => undefined;
    const mayCommit = new Promise<void>((resolve) => (commit = resolve));
    const first = app.dataSource.transaction(async () => {
      await add('late', 'late 1');
      await mayCommit;
    });
    for (let n = 0; n < 200; n++) {
      await app.dataSource.transaction(() => add(`key-${n}`, 'other'));
    }
    await eventually('the others to be delivered', () => received.length === 200);
    // Waits for the lock of its key, and so commits right after the first.
    const second = app.dataSource.transaction(() => add('late', 'late 2'));
    await app.dataSource.transaction(() => add('key-1', 'other'));
    commit();
    await Promise.all([first, second]);
    await eventually('both to be delivered', () => received.length === 203);
    expect(received.filter((text) => text.includes('late'))).toEqual(['"late 1"', '"late 2"']);
    await app.close();
    await database.drop();
  });
});
