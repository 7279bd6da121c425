import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/** A pending event, as the relay needs it. */
export interface PendingEvent {
  readonly seq: string;
  readonly lane: number;
  readonly id: string;
  readonly eventType: string;
  readonly aggregateId: string;
  readonly topic: string;
  readonly eventKey: string;
  /** JSON text, as it was stored. */
  readonly eventData: string;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly traceparent: string | null;
  /** RFC 3339, in UTC, to the millisecond. */
  readonly createdAt: string;
  readonly attempts: number;
}

export interface PendingQuery {
  readonly lanes: readonly number[];
  /** Keys that wait for a retry: none of their events is taken. */
  readonly heldKeys: readonly string[];
  readonly limit: number;
  /** Most bytes of payload; a first event that is larger comes alone. */
  readonly maxBytes: number;
}

/** As text throughout: an application may have changed node-postgres' parsers for all of its process. */
type Row = { readonly [Property in keyof PendingEvent]: string } & {
  headers: string | null;
  traceparent: string | null;
};

/**
 * The next pending events of the lanes: of each key from its lowest on, so that a batch never has an event whose predecessor is
 * neither in it nor delivered. A key's events become visible in the order of `seq` (see insert-events.ts).
 *
 * Uses the partial index (lane, seq). Each lane gives at most four times its share, so that full lanes cost little and a single
 * busy lane still fills a good part of a batch. The data is read as text: parsed, it would be reordered and long numbers rounded.
 *
 * Bounded twice by bytes: by the stored size, which costs nothing to know, so that large data beyond the batch is not even decompressed (1000
 * events of 400 kB took 1.4 s to give the first 20); then by the true size of the text.
 */
export async function fetchPending(
  dataSource: DataSource,
  tables: OutboxTables,
  query: PendingQuery,
): Promise<readonly PendingEvent[]> {
  const t = tables.event;
  const perLane = Math.min(query.limit, Math.ceil((4 * query.limit) / query.lanes.length));
  const { rows } = await runWithinLimit<Row>(
    dataSource,
    `with candidates as (
       select c.seq, sum(c.stored) over (order by c.seq) - c.stored as stored_before
       from unnest($1::smallint[]) as mine(lane)
       cross join lateral (
         select e.${t.seq} as seq, pg_column_size(e.${t.eventData}) as stored
         from ${t.tableName} e
         where e.${t.lane} = mine.lane and e.${t.publishedAt} is null and e.${t.eventKey} <> all ($2::text[])
         order by e.${t.seq}
         limit $3
       ) c
       order by c.seq
       limit $4
     ), chosen as materialized (
       select seq from candidates where stored_before < $5
     ), batch as (
       select e.*, e.${t.eventData}::text as data
       from chosen
       join ${t.tableName} e on e.${t.seq} = chosen.seq
     ), measured as (
       select b.*, sum(octet_length(b.data)) over (order by b.${t.seq}) as bytes_so_far from batch b
     )
     select m.${t.seq}::text as seq, m.${t.lane}::text as lane, m.${t.id}::text as id, m.${t.eventType} as "eventType",
            m.${t.aggregateId} as "aggregateId", m.${t.topic} as topic, m.${t.eventKey} as "eventKey", m.data as "eventData",
            m.${t.headers}::text as headers, m.${t.traceparent} as traceparent,
            to_char(m.${t.createdAt} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt",
            m.${t.attempts}::text as attempts
     from measured m
     where m.bytes_so_far <= $5 or m.bytes_so_far = octet_length(m.data)
     order by m.${t.seq}`,
    [query.lanes, query.heldKeys, perLane, query.limit, query.maxBytes],
  );
  return rows.map((row) => ({
    ...row,
    lane: Number(row.lane),
    attempts: Number(row.attempts),
    headers: row.headers === null ? null : (JSON.parse(row.headers) as Record<string, string>),
  }));
}
