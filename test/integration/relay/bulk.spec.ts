import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

const CHUNKS = 10;
const OF_A_CHUNK = 3000;
const KEYS = 200;

describe('Many events of one transaction', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let publisher: RecordingPublisher;

  beforeEach(async () => {
    database = await createDatabase();
    publisher = new RecordingPublisher();
    app = await startOutboxApp({ url: database.url, outbox: { publisher, pollIntervalSeconds: 0.1 } });
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const deliver = async (): Promise<string> => {
    const id = await app.dataSource.transaction(() => app.outbox.addEvent(anEvent({ aggregateId: 'marker' })));
    await eventually('its delivery', () => publisher.ids.includes(id));
    return id;
  };

  it('are delivered in order, and are not searched one by one for late ones when they become visible', async () => {
    const ids = await app.dataSource.transaction(async () => {
      const added: string[] = [];
      for (let chunk = 0; chunk < CHUNKS; chunk++) {
        const events = Array.from({ length: OF_A_CHUNK }, (_, n) => anEvent({ aggregateId: `key-${n % KEYS}` }));
        added.push(...(await app.outbox.addEvents(events)));
      }
      // The relay has looked meanwhile, and knows that this transaction is open: all that it has added may be late.
      await app.transactions.run(deliver, { propagation: 'REQUIRES_NEW' });
      return added;
    });
    await deliver();
    await eventually('delivery', () => publisher.taken.length >= ids.length + 2);
    const ofKeys = new Map<string, string[]>();
    ids.forEach((id, n) => {
      const key = `key-${(n % OF_A_CHUNK) % KEYS}`;
      ofKeys.set(key, [...(ofKeys.get(key) ?? []), id]);
    });
    for (const [key, added] of ofKeys) {
      expect(publisher.idsOf(key)).toEqual(added);
    }
    // A connection tells of what it has read when it ends.
    await app.close();
    const [index] = await database.query<{ read: number }>(
      `select idx_tup_read::int as read from pg_stat_user_indexes s join pg_indexes i on i.indexname = s.indexrelname
       where i.indexdef like '%(lane, xid)%' and i.tablename = 'event_outbox'`,
    );
    expect(index!.read).toBeGreaterThan(0);
    expect(index!.read).toBeLessThan((CHUNKS * OF_A_CHUNK) / 2);
  });
});
