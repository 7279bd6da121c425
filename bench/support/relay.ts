import { setTimeout as sleep } from 'node:timers/promises';
import type { OutboxOptions } from 'nestjs-outboxed';
import type { RelayProgram } from '../relay-process';
import type { Backlog } from './backlog';
import { Child } from './child';
import type { Database } from './database';
import type { Bench } from './measure';

export type Relay = Child<RelayProgram>;

/**
 * The relay does not look by itself while a backlog is being written: the work begins with the wake-up that follows the commit, and
 * until then nothing is walked in vain.
 */
export const ONLY_WHEN_WOKEN: Partial<OutboxOptions> = { pollIntervalSeconds: 3600 };

/** Deletes at settling, the fastest that there is. */
export const DELETING: Partial<OutboxOptions> = { retention: { publishedHours: 0 } };

const WAKE_EVERY_MS = 250;

export async function startRelay(
  bench: Bench,
  database: { readonly url: string },
  outbox: Partial<OutboxOptions>,
): Promise<Relay> {
  const relay: Relay = new Child<RelayProgram>(bench.scope, 'relay-process');
  await relay.ask('start', {
    url: database.url,
    outbox: { kafka: { clientId: 'bench-relay', brokers: [...bench.brokers] }, ...outbox },
  });
  return relay;
}

/** Delivers a few thousand events that do not count. After it lanes are owned, connections open, and the code is compiled. */
export async function warmUp(
  bench: Bench,
  database: Database,
  relays: readonly Relay[],
  rows: number,
  topic?: string,
): Promise<void> {
  const target = topic ?? (await bench.topics.create(bench.scope));
  const prepared = await database.prepare({ topic: target, rows });
  await prepared.commit();
  const waking = setInterval(() => relays.forEach((relay) => relay.tell('wake', undefined)), WAKE_EVERY_MS);
  try {
    await bench.topics.untilWritten(target, rows);
    await prepared.settled();
  } finally {
    clearInterval(waking);
  }
  await sleep(WAKE_EVERY_MS); // the rounds of late wake-ups
}

export interface DrainOptions {
  readonly database: Database;
  readonly relays: readonly Relay[];
  readonly backlog: Backlog;
  /** What stands before it and is not measured. */
  readonly behind?: readonly Backlog[];
  /** Measured until so many are through; default: all. */
  readonly first?: number;
  /** `settled`: until all are recorded as delivered, too. `written`: until the broker has them. */
  readonly until: 'written' | 'settled';
}

/** Events a second, from the commit that makes the backlog visible. */
export async function drainRate(bench: Bench, options: DrainOptions): Promise<number> {
  const { backlog, first = backlog.rows } = options;
  return first / (await drainSeconds(bench, options));
}

export async function drainSeconds({ topics }: Bench, options: DrainOptions): Promise<number> {
  const { database, relays, backlog, behind = [], first = backlog.rows, until } = options;
  const before = await topics.written(backlog.topic);
  const prepared = await database.prepare(...behind, backlog);
  const began = performance.now();
  await prepared.commit();
  relays.forEach((relay) => relay.tell('wake', undefined));
  await topics.untilWritten(backlog.topic, before + first);
  const written = performance.now();
  // Where only a part was to be measured, the rest is not waited for.
  const settled = behind.length === 0 && first === backlog.rows ? await prepared.settled() : written;
  return ((until === 'settled' ? settled : written) - began) / 1000;
}
