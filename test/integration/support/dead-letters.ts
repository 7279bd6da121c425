import { randomUUID } from 'node:crypto';
import { laneOf } from '../../../lib/store/ordering-key';
import type { TestDatabase } from './database';

/** What matters in a test; `eventData` and `headers` are JSON text. */
export interface GivenDeadLetter {
  id?: string;
  seq?: string;
  eventKey?: string;
  topic?: string;
  eventType?: string;
  eventData?: string;
  headers?: string | null;
  holdsKey?: boolean;
}

/** Stores a dead letter at a position of its own in the outbox, and returns its id. */
export async function addDeadLetter(database: TestDatabase, given: GivenDeadLetter = {}): Promise<string> {
  const { id = randomUUID(), eventKey = 'key-1', topic = 'items', eventType = 'ItemChanged' } = given;
  await database.query(
    `insert into event_outbox_dead_letter
       (seq, id, lane, aggregate_type, aggregate_id, event_type, topic, event_key, event_data, headers, traceparent,
        tracestate, created_at, available_at, attempts, reason, died_at, holds_key)
     values (coalesce($1::bigint, nextval(pg_get_serial_sequence('event_outbox', 'seq'))), $2, $3, 'item', 'item-1', $4, $5, $6,
             $7::json, $8::json, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'vendor=1', '2026-01-02T03:04:05.678901Z',
             '2026-01-02T04:00:00Z', 6, 'the broker refused it', '2026-01-03T00:00:00Z', $9)`,
    [
      given.seq ?? null,
      id,
      laneOf(eventKey),
      eventType,
      topic,
      eventKey,
      given.eventData ?? '{"n":1}',
      given.headers ?? null,
      given.holdsKey ?? false,
    ],
  );
  return id;
}

/** Stores several, one after the other in the outbox, and returns their ids. */
export async function addDeadLetters(database: TestDatabase, given: readonly GivenDeadLetter[]): Promise<string[]> {
  const ids: string[] = [];
  for (const each of given) {
    ids.push(await addDeadLetter(database, each));
  }
  return ids;
}

/** The lanes whose owners were told to look at them from the beginning. */
export async function rewoundLanes(database: TestDatabase): Promise<number[]> {
  const rows = await database.query<{ lane: number }>('select distinct lane from event_outbox_rewind order by lane');
  return rows.map(({ lane }) => lane);
}

/** The ids in a table, in the order of the outbox. */
export async function idsIn(
  database: TestDatabase,
  table: 'event_outbox' | 'event_outbox_dead_letter',
): Promise<string[]> {
  const rows = await database.query<{ id: string }>(`select id::text from ${table} order by seq`);
  return rows.map(({ id }) => id);
}

/** Empties the tables of the outbox. */
export async function emptyOutbox(database: TestDatabase): Promise<void> {
  await database.query('truncate event_outbox, event_outbox_dead_letter, event_outbox_lane, event_outbox_rewind');
}
