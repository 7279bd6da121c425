import { setTimeout as sleep } from 'node:timers/promises';
import { EventRelayWorker, type OutboxEvent } from 'nestjs-outboxed';
import { allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

const SECONDS = 12;
const KEYS = 120;
const WRITERS = 6;

const byChance = (oneIn: number): boolean => Math.random() < 1 / oneIn;

/** What may go wrong does: every event is delivered nevertheless, and those of a key in the order of their commits. */
describe.each([
  ['deleted when they are delivered', 0],
  ['kept for a while', 24],
])('Everything at once, with events that are %s', (_, publishedHours) => {
  let database: TestDatabase;
  let writer: OutboxApp;
  let isOver: boolean;
  const publisher = new RecordingPublisher();
  const relays: OutboxApp[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    writer = await startOutboxApp({
      url: database.url,
      outbox: { relay: false, publisher, errorRetryIntervalSeconds: 0.1, retention: { publishedHours } },
    });
    isOver = false;
  });

  afterAll(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.close()));
    await writer?.close();
    await database?.drop();
  });

  const startRelay = async (): Promise<void> => {
    relays.push(
      await startOutboxApp({
        url: database.url,
        outbox: {
          publisher,
          batchSize: 1 + Math.floor(Math.random() * 40),
          pollIntervalSeconds: 0.1,
          errorRetryIntervalSeconds: 0.1,
          maxRetries: 10_000,
          retention: { publishedHours },
        },
        typeorm: { extra: { application_name: 'relay' } },
      }),
    );
  };

  interface Written {
    readonly seq: bigint;
    readonly id: string;
    readonly key: string;
    readonly isDelayed: boolean;
  }

  const write = async (): Promise<Written[]> => {
    const all: Written[] = [];
    while (!isOver) {
      const events: OutboxEvent[] = Array.from({ length: 1 + Math.floor(Math.random() * 6) }, () =>
        anEvent({
          eventKey: byChance(4) ? 'hot' : `key-${Math.floor(Math.random() * KEYS)}`,
          availableAt: byChance(20) ? new Date(Date.now() + Math.random() * 3000) : undefined,
        }),
      );
      const written = await writer.dataSource
        .transaction(async (manager) => {
          const ids = await writer.outbox.addEvents(events);
          const rows = await manager.query<{ id: string; seq: string }[]>(
            'select id, seq::text from event_outbox where id = any ($1)',
            [ids],
          );
          const seqs = new Map(rows.map(({ id, seq }) => [id, BigInt(seq)]));
          await sleep(byChance(15) ? 400 : Math.random() * 20);
          if (byChance(10)) {
            throw new Error('rolled back on purpose');
          }
          return ids.map((id, n) => ({
            id,
            seq: seqs.get(id)!,
            key: events[n]!.eventKey!,
            isDelayed: events[n]!.availableAt !== undefined,
          }));
        })
        .catch((error: unknown) => {
          if (!(error instanceof Error) || error.message !== 'rolled back on purpose') {
            throw error;
          }
          return [];
        });
      all.push(...written);
    }
    return all;
  };

  const disturb = async (): Promise<void> => {
    while (!isOver) {
      await sleep(200 + Math.random() * 400);
      const what = Math.floor(Math.random() * 5);
      if (what === 0) {
        await startRelay();
      } else if (what === 1 && relays.length > 1) {
        await relays.shift()!.close();
      } else if (what === 2) {
        await database.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and application_name = 'relay' and random() < 0.5`,
        );
      } else if (what === 3) {
        publisher.away = 'no broker answers';
        await sleep(300);
        publisher.away = undefined;
      } else {
        await writer.module.get(EventRelayWorker).drain({ limit: 50 });
      }
      while (relays.length > 3) {
        await relays.shift()!.close();
      }
    }
  };

  it('nothing is lost, and the order of each key holds', async () => {
    publisher.refuses = () => byChance(25);
    publisher.before = () => sleep(Math.random() * 10);
    await startRelay();
    const writing = Promise.all(Array.from({ length: WRITERS }, write));
    const disturbing = disturb();
    const began = performance.now();
    await eventually('some time to pass', () => performance.now() - began > SECONDS * 1000, { seconds: 60 });
    isOver = true;
    const written = (await writing).flat().sort((a, b) => (a.seq < b.seq ? -1 : 1));
    await disturbing;
    await startRelay();
    await allSettled(writer, 90);

    expect(written.length).toBeGreaterThan(300);
    const expected = new Map<string, string[]>();
    for (const { id, key, isDelayed } of written) {
      if (!isDelayed) {
        expected.set(key, [...(expected.get(key) ?? []), id]);
      }
    }
    const delayed = new Set(written.filter(({ isDelayed }) => isDelayed).map(({ id }) => id));
    const first = [...publisher.firstDeliveries].map(
      ([key, ids]) => [key, ids.filter((id) => !delayed.has(id))] as const,
    );
    expect(Object.fromEntries(first.filter(([, ids]) => ids.length > 0))).toEqual(Object.fromEntries(expected));
    const taken = new Set(publisher.ids);
    expect([...delayed].filter((id) => !taken.has(id))).toEqual([]);
    expect(taken.size).toBe(written.length);
    expect(await writer.outbox.stats()).toMatchObject({ pending: 0, deadLetters: 0 });
  });
});
