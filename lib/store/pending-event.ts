import { Rfc3339 } from '../time/rfc-3339';
import type { EventOutbox } from './event-outbox.entity';
import type { Table } from './outbox-tables';

/** A pending event, as the relay needs it. */
export interface PendingEvent {
  readonly seq: number;
  readonly lane: number;
  readonly id: string;
  readonly eventType: string;
  readonly aggregateId: string;
  readonly topic: string;
  readonly eventKey: string;
  /** JSON text, as it was stored: parsed by PostgreSQL or Node it would be reordered, and long numbers rounded. */
  readonly eventData: string;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  /** RFC 3339, in UTC, to the millisecond. */
  readonly createdAt: string;
  readonly attempts: number;
  /** Since it was added, or since the end of its delay, when it was fetched: by the database's clock alone. */
  readonly ageMs: number;
}

type Cell = string | null;

const rfc3339 = new Rfc3339();

/** Number of columns that {@link pendingColumns} gives. */
export const PENDING_COLUMNS = 14;

/**
 * The columns of an event. They are read as text, whatever parsers an application has given to node-postgres, and so most are not cast to it: PostgreSQL
 * would write each value out twice. JSON is, as pg-native would parse it all the same. The time is written out in Node, which is ten times as
 * fast as to_char. `date_part` gives a float8, which is exact to the microsecond for centuries; `extract` gives a numeric, which is slower to
 * reckon with.
 *
 * @param data where the payload stands as text
 */
export function pendingColumns(t: Table<EventOutbox>, e: string, data: string): string {
  return [
    `${e}.${t.seq}`,
    `${e}.${t.lane}`,
    `${e}.${t.id}`,
    `${e}.${t.eventType}`,
    `${e}.${t.aggregateId}`,
    `${e}.${t.topic}`,
    `${e}.${t.eventKey}`,
    data,
    `${e}.${t.headers}::text`,
    `${e}.${t.traceparent}`,
    `${e}.${t.tracestate}`,
    `(date_part('epoch', ${e}.${t.createdAt}) * 1000000)::bigint / 1000`,
    `${e}.${t.attempts}`,
    `(date_part('epoch', clock_timestamp() - greatest(${e}.${t.createdAt}, ${e}.${t.availableAt})) * 1000)::bigint`,
  ].join(', ');
}

/** A row of {@link pendingColumns}. */
export function toPendingEvent(row: readonly Cell[]): PendingEvent {
  const text = row as readonly string[];
  const headers = row[8] ?? null;
  return {
    // Exact up to 2^53, which takes 285 years at a million events a second.
    seq: Number(row[0]),
    lane: Number(row[1]),
    id: text[2] as string,
    eventType: text[3] as string,
    aggregateId: text[4] as string,
    topic: text[5] as string,
    eventKey: text[6] as string,
    eventData: text[7] as string,
    headers: headers === null ? null : (JSON.parse(headers) as Record<string, string>),
    traceparent: row[9] ?? null,
    tracestate: row[10] ?? null,
    createdAt: rfc3339.write(Number(row[11])),
    attempts: Number(row[12]),
    ageMs: Number(row[13]),
  };
}
