import { Client } from 'pg';
import { endedAtLast } from '../support/cleanup';
import { eventually } from '../support/eventually';
import { anEvent } from '../support/outbox-app';
import { Relays } from '../support/relays';

/** Polls come once an hour in these tests, and leases last for ten minutes: what happens before was notified. */
const outbox = { pollIntervalSeconds: 3600, leaseSeconds: 600 };

describe('Processes wake each other', () => {
  let relays: Relays;

  beforeEach(async () => {
    relays = await Relays.onNewDatabase();
  });
  afterEach(() => relays.end());

  /** What is sent on the outbox's channel from now on. */
  const overhear = async (): Promise<string[]> => {
    const client = new Client({ connectionString: relays.database.url });
    await client.connect();
    endedAtLast(() => client.end());
    client.on('error', () => undefined);
    const heard: string[] = [];
    client.on('notification', ({ payload = '' }) => void heard.push(payload));
    const { rows } = await client.query<{ channel: string }>(
      `select 'outbox_' || 'event_outbox'::regclass::oid::text as channel`,
    );
    await client.query(`listen ${String(rows[0]?.channel)}`);
    return heard;
  };

  it('a process that only writes wakes the relay of another one', async () => {
    await relays.start(outbox);
    await relays.listening(1);
    await relays.shared([64]);
    const writer = await relays.start({ relay: false });
    await relays.delivered(await relays.add(writer, 10));
    await relays.delivered(await relays.add(writer, 1));
  });

  it('relays wake each other for what they do not own, and share anew as soon as one joins', async () => {
    const first = await relays.start(outbox);
    await relays.listening(1);
    const second = await relays.start(outbox);
    await relays.listening(2);
    await relays.shared([32, 32]);
    await relays.start(outbox);
    await relays.shared([22, 21, 21]);
    await relays.delivered([...(await relays.add(first, 200)), ...(await relays.add(second, 200))]);
    expect(relays.received).toHaveLength(400);
  });

  it('a relay that stops gracefully hands over at once', async () => {
    const first = await relays.start(outbox);
    await relays.shared([64]);
    const second = await relays.start(outbox);
    await relays.listening(2);
    await relays.shared([32, 32]);
    await relays.stop(first);
    await relays.shared([64]);
    await relays.delivered(await relays.add(second, 100));
  });

  it("a commit whose lanes are all its own relay's sends no notification", async () => {
    const app = await relays.start(outbox);
    await relays.listening(1);
    await relays.shared([64]);
    const heard = await overhear();
    await relays.delivered(await relays.add(app, 100));
    await relays.stop(app);
    await eventually('the end of the relay to be heard', () => heard.length > 0);
    expect(heard).toEqual([expect.stringMatching(/^shares /)]);
  });

  it('many commits send few notifications, and none inside a transaction', async () => {
    const writer = await relays.start({ relay: false }, { extra: { max: 5 } });
    const heard = await overhear();
    const begun = performance.now();
    const workers = Array.from({ length: 5 }, async (_, worker) => {
      for (let n = 0; n < 200; n++) {
        await writer.dataSource.transaction(() => writer.outbox.addEvent(anEvent({ aggregateId: `${worker}-${n}` })));
      }
    });
    await Promise.all(workers);
    const took = performance.now() - begun;
    await relays.stop(writer);
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.length).toBeLessThan(took / 10 + 3);
    expect(new Set(heard.map((payload) => payload.split(' ')[0]))).toEqual(new Set(['events']));
  });

  it('a process with a pool of one notifies, and goes on', async () => {
    await relays.start(outbox);
    await relays.listening(1);
    await relays.shared([64]);
    const writer = await relays.start({ relay: false }, { extra: { max: 1 } });
    const ids: string[] = [];
    for (let n = 0; n < 50; n++) {
      ids.push(...(await relays.add(writer, 1)));
    }
    await relays.delivered(ids);
  });

  it('an outbox in another schema has a channel of its own', async () => {
    await relays.database.query('create schema billing');
    await relays.start(outbox);
    await relays.listening(1);
    const heard = await overhear();
    const other = await relays.start({ relay: false }, { schema: 'billing' });
    await relays.add(other, 1);
    await relays.stop(other);
    expect(heard).toEqual([]);
  });
});
