import { tally, type Tally } from '../../../tools/start/run/tally';
import type { TestDatabase } from './database';
import { eventually } from './eventually';
import { readTopic } from './kafka';
import { anEvent, type OutboxApp } from './outbox-app';

export type Queryable = Pick<TestDatabase, 'query'>;

const KEYS = 97;
const PER_TRANSACTION = 500;

/** Every tenth event is of one hot key, the others are spread over many. */
export function keyOf(n: number): string {
  return n % 10 === 0 ? 'hot' : `key-${n % KEYS}`;
}

/** Adds events in large transactions. */
export async function addBacklog(writer: OutboxApp, topic: string, count: number): Promise<void> {
  for (let begin = 0; begin < count; begin += PER_TRANSACTION) {
    const events = Array.from({ length: Math.min(PER_TRANSACTION, count - begin) }, (_, n) =>
      anEvent({ topic, aggregateId: keyOf(begin + n), eventData: { n: begin + n, filler: 'x'.repeat(200) } }),
    );
    await writer.dataSource.transaction(() => writer.outbox.addEvents(events));
  }
}

export interface Progress {
  readonly pending: number;
  readonly published: number;
  readonly dead: number;
  /** Attempts that were charged to events which are not dead. */
  readonly attempts: number;
}

export async function progress(database: Queryable): Promise<Progress> {
  const [row] = await database.query<Progress>(
    `select (count(*) - count(published_at))::int as pending, count(published_at)::int as published,
            coalesce(sum(attempts), 0)::int as attempts, (select count(*)::int from event_outbox_dead_letter) as dead
     from event_outbox`,
  );
  return row!;
}

export function published(database: Queryable, atLeast: number): Promise<Progress> {
  return eventually(
    `${atLeast} events to be delivered`,
    async () => {
      const now = await progress(database);
      return now.published >= atLeast && now;
    },
    { seconds: 90 },
  );
}

export async function nothingPending(database: Queryable, seconds = 120): Promise<Progress> {
  return eventually(
    'everything to be delivered',
    async () => {
      const now = await progress(database);
      return now.pending === 0 && now;
    },
    { seconds, everyMs: 100 },
  );
}

/** How many lanes each owner has whose lease holds. */
export async function lanesByOwner(database: Queryable): Promise<Record<string, number>> {
  const rows = await database.query<{ owner: string; lanes: number }>(
    `select owner::text as owner, count(*)::int as lanes from event_outbox_lane
     where expires_at > clock_timestamp() group by owner`,
  );
  return Object.fromEntries(rows.map(({ owner, lanes }) => [owner, lanes]));
}

/** Every event came, none that had not committed, and each key's first came in the order of its commits. Duplicates are allowed. */
export function completeAndInOrder(events: number): Tally {
  return { consumed: events, lost: 0, phantom: 0, outOfOrder: 0, duplicates: expect.any(Number) as number };
}

/**
 * Compares what a topic holds with the delivered events of the table, whose positions are the order of commits within a key
 * (insert-events.ts, tested apart).
 */
export async function deliveries(database: Queryable, topic: string, on?: string[]): Promise<Tally> {
  const rows = await database.query<{ id: string; key: string; position: number }>(
    `select id::text as id, event_key as key, seq::float8 as position from event_outbox
     where topic = $1 and published_at is not null order by seq`,
    [topic],
  );
  const reader = await readTopic(topic, on);
  const consumed = new Set<string | undefined>();
  let read = 0;
  await eventually(
    'every record to be read',
    () => {
      for (; read < reader.records.length; read++) {
        consumed.add(reader.records[read]?.headers['ce_id']);
      }
      return consumed.size >= rows.length;
    },
    { seconds: 60 },
  ).catch(() => undefined); // what is missing is counted below
  await reader.stop();
  return tally(
    rows.map(({ id, key, position }) => ({ orderId: id, key, position })),
    reader.records.map(({ headers: { ce_id: id = '' } }) => ({ id, orderId: id })),
  );
}
