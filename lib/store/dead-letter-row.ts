import type { DeadLetter } from '../interfaces/dead-letter';
import type { OutboxTables } from './outbox-tables';

/** What an event keeps when it becomes a dead letter and when it comes back, whose headers then get one more. */
export const MOVED_COLUMNS = [
  'seq',
  'id',
  'lane',
  'aggregateType',
  'aggregateId',
  'eventType',
  'topic',
  'eventKey',
  'eventData',
  'traceparent',
  'tracestate',
  'createdAt',
  'availableAt',
] as const;

/** A dead letter as text throughout: an application may have changed node-postgres' parsers for all of its process. */
export type DeadLetterRow = { readonly [Property in keyof DeadLetter]: string } & {
  readonly headers: string | null;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  readonly availableAt: string | null;
};

/** The columns of a {@link DeadLetterRow}, from the table under the name `d`. */
export function deadLetterColumns({ deadLetter: d }: OutboxTables): string {
  const time = (column: string): string => `to_char(d.${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  return `d.${d.id}::text as id, d.${d.seq}::text as seq, d.${d.aggregateType}::text as "aggregateType",
            d.${d.aggregateId}::text as "aggregateId", d.${d.eventType}::text as "eventType", d.${d.topic}::text as topic,
            d.${d.eventKey}::text as "eventKey", d.${d.eventData}::text as "eventData", d.${d.headers}::text as headers,
            d.${d.traceparent}::text as traceparent, d.${d.tracestate}::text as tracestate, ${time(d.createdAt)} as "createdAt", ${time(d.availableAt)} as "availableAt",
            d.${d.attempts}::text as attempts, d.${d.reason}::text as reason, ${time(d.diedAt)} as "diedAt",
            d.${d.holdsKey}::text as "holdsKey"`;
}

/** Takes the columns one by one, as a row may have more of them. */
export function toDeadLetter(row: DeadLetterRow): DeadLetter {
  return {
    id: row.id,
    seq: row.seq,
    aggregateType: row.aggregateType,
    aggregateId: row.aggregateId,
    eventType: row.eventType,
    topic: row.topic,
    eventKey: row.eventKey,
    eventData: row.eventData,
    headers: row.headers === null ? null : (JSON.parse(row.headers) as Record<string, string>),
    traceparent: row.traceparent,
    tracestate: row.tracestate,
    createdAt: new Date(row.createdAt),
    availableAt: row.availableAt === null ? null : new Date(row.availableAt),
    attempts: Number(row.attempts),
    reason: row.reason,
    diedAt: new Date(row.diedAt),
    holdsKey: row.holdsKey === 'true',
  };
}
