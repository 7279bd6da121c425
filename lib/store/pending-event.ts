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
  /** RFC 3339, in UTC, to the millisecond. */
  readonly createdAt: string;
  readonly attempts: number;
}

type Cell = string | null;

/** Number of columns that {@link pendingColumns} gives. */
export const PENDING_COLUMNS = 12;

/**
 * The columns of an event, all as text: an application may have changed node-postgres' parsers for all of its process. The time is
 * written out in Node, which is ten times as fast as to_char.
 */
export function pendingColumns(t: Table<EventOutbox>, e: string, data = `${e}.${t.eventData}::text`): string {
  return [
    `${e}.${t.seq}::text`,
    `${e}.${t.lane}::text`,
    `${e}.${t.id}::text`,
    `${e}.${t.eventType}`,
    `${e}.${t.aggregateId}`,
    `${e}.${t.topic}`,
    `${e}.${t.eventKey}`,
    data,
    `${e}.${t.headers}::text`,
    `${e}.${t.traceparent}`,
    `floor(extract(epoch from ${e}.${t.createdAt}) * 1000)::bigint::text`,
    `${e}.${t.attempts}::text`,
  ].join(', ');
}

/** A row of {@link pendingColumns}. */
export function toPendingEvent(row: readonly Cell[]): PendingEvent {
  const [seq, lane, id, eventType, aggregateId, topic, eventKey, eventData, headers, traceparent, createdAt, attempts] =
    row as readonly string[] as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      Cell,
      Cell,
      string,
      string,
    ];
  return {
    // Exact up to 2^53, which takes 285 years at a million events a second.
    seq: Number(seq),
    lane: Number(lane),
    id,
    eventType,
    aggregateId,
    topic,
    eventKey,
    eventData,
    headers: headers === null ? null : (JSON.parse(headers) as Record<string, string>),
    traceparent,
    createdAt: new Date(Number(createdAt)).toISOString(),
    attempts: Number(attempts),
  };
}
