import { setTimeout as sleep } from 'node:timers/promises';
import {
  addBacklog,
  completeAndInOrder,
  deliveries,
  keyOf,
  lanesByOwner,
  nothingPending,
  progress,
  published,
} from '../../support/process-backlog';
import { createDatabase, type TestDatabase } from '../../support/database';
import { eventually } from '../../support/eventually';
import { createTopic, describeWithKafka } from '../../support/kafka';
import { anEvent, startOutboxApp, type OutboxApp } from '../../support/outbox-app';
import { LEASE_SECONDS, RelayProcess } from '../../support/relay-process';

jest.setTimeout(420_000);

/** Small, so that a drain takes long enough to be killed in its middle. */
const BATCH = 25;
/** PostgreSQL drops its sign of life at once, and others look once a poll; the rest is for a busy machine. */
const REPLACED_WITHIN_SECONDS = 8;
/** For a successor that has yet to start: what is left of the lease of the other one is more. */
const STARTED_WITHIN_SECONDS = (LEASE_SECONDS * 2) / 3;

describeWithKafka('A relay process that is killed (kill -9)', () => {
  let database: TestDatabase;
  let writer: OutboxApp;
  let topic: string;
  const started: RelayProcess[] = [];

  const startRelay = async (): Promise<RelayProcess> => {
    const relay = await RelayProcess.start({ url: database.url, outbox: { batchSize: BATCH } });
    started.push(relay);
    return relay;
  };

  /** Waits until so many relays have said by which lock they can be seen to live. */
  const signsOfLife = async (count: number): Promise<void> => {
    await eventually(
      `${count} signs of life`,
      async () => (await database.query('select from event_outbox_relay where life_lock is not null')).length === count,
      { everyMs: 5 },
    );
  };

  beforeEach(async () => {
    database = await createDatabase();
    writer = await startOutboxApp({ url: database.url });
    topic = await createTopic();
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((relay) => relay.kill('SIGKILL')));
    await writer.close();
    await database.drop();
  });

  it('in the middle of a drain is replaced long before its lease is over: nothing is lost, each key keeps its order, little comes twice', async () => {
    const count = 10_000;
    await addBacklog(writer, topic, count);
    const first = await startRelay();
    await published(database, 500);
    await signsOfLife(1);
    await first.kill('SIGKILL');
    expect((await progress(database)).pending).toBeGreaterThan(0);

    const second = await startRelay();
    const owner = await second.owner(STARTED_WITHIN_SECONDS);
    await eventually('it to own all lanes', async () => (await lanesByOwner(database))[owner] === 64);
    expect(await nothingPending(database)).toMatchObject({ published: count, attempts: 0, dead: 0 });

    const result = await deliveries(database, topic);
    expect(result).toEqual(completeAndInOrder(count));
    // One batch was being sent, and one settled.
    expect(result.duplicates).toBeLessThanOrEqual(2 * BATCH);
  });

  it('leaves its share to the other one, while transactions add to the backlog of both', async () => {
    const relays = [await startRelay(), await startRelay()];
    const [dead, alive] = (await Promise.all(relays.map((relay) => relay.owner()))) as [string, string];
    await eventually('even shares', async () => {
      const shares = await lanesByOwner(database);
      return shares[dead] === 32 && shares[alive] === 32;
    });

    const backlog = 6000;
    let writing = true;
    let added = 0;
    const addOneByOne = async (): Promise<void> => {
      for (let n = 0; writing; n++) {
        await writer.dataSource.transaction(async () => {
          await writer.outbox.addEvents([
            anEvent({ topic, aggregateId: keyOf(n), eventData: { n } }),
            anEvent({ topic, aggregateId: keyOf(n + 1), eventData: { n } }),
          ]);
          await sleep(Math.random() * 10);
        });
        added += 2;
      }
    };
    const adding = Promise.all([addBacklog(writer, topic, backlog), addOneByOne(), addOneByOne(), addOneByOne()]);
    try {
      await eventually('both to deliver', async () => {
        const rows = await database.query<{ owner: string }>(
          `select l.owner::text as owner from event_outbox e join event_outbox_lane l using (lane)
           group by 1 having count(e.published_at) >= 300`,
        );
        return rows.length === 2;
      });
      await signsOfLife(2);
      await relays[0]?.kill('SIGKILL');
      await eventually('the other one to own all lanes', async () => (await lanesByOwner(database))[alive] === 64, {
        seconds: REPLACED_WITHIN_SECONDS,
      });
    } finally {
      writing = false;
      await adding;
    }
    expect(await nothingPending(database)).toMatchObject({ published: backlog + added, attempts: 0, dead: 0 });
    expect(await deliveries(database, topic)).toEqual(completeAndInOrder(backlog + added));
  });
});
