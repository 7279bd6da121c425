import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

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
  readonly createdAt: Date;
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

/**
 * The next pending events of the lanes: of each key from its lowest on, so that a batch never has an event whose predecessor is
 * neither in it nor delivered. A key's events become visible in the order of `seq` (see insert-events.ts).
 *
 * Uses the partial index (lane, seq). Each lane gives at most four times its share, so that full lanes cost little and a single
 * busy lane still fills a good part of a batch. The data is read as text: parsed, it would be reordered and long numbers rounded.
 */
export async function fetchPending(
  dataSource: DataSource,
  tables: OutboxTables,
  query: PendingQuery,
): Promise<readonly PendingEvent[]> {
  const t = tables.event;
  const perLane = Math.min(query.limit, Math.ceil((4 * query.limit) / query.lanes.length));
  const { rows } = await runStatement<PendingEvent>(
    dataSource,
    `with candidates as materialized (
       select c.seq
       from unnest($1::smallint[]) as mine(lane)
       cross join lateral (
         select e.${t.seq} as seq
         from ${t.tableName} e
         where e.${t.lane} = mine.lane and e.${t.publishedAt} is null and e.${t.eventKey} <> all ($2::text[])
         order by e.${t.seq}
         limit $3
       ) c
       order by c.seq
       limit $4
     ), batch as (
       select e.${t.seq} as seq, e.${t.lane} as lane, e.${t.id} as id, e.${t.eventType} as "eventType",
              e.${t.aggregateId} as "aggregateId", e.${t.topic} as topic, e.${t.eventKey} as "eventKey",
              e.${t.eventData}::text as "eventData", e.${t.headers} as headers, e.${t.traceparent} as traceparent,
              e.${t.createdAt} as "createdAt", e.${t.attempts} as attempts,
              sum(octet_length(e.${t.eventData}::text)) over (order by e.${t.seq}) - octet_length(e.${t.eventData}::text) as bytes_before
       from candidates
       join ${t.tableName} e on e.${t.seq} = candidates.seq
     )
     select seq, lane, id, "eventType", "aggregateId", topic, "eventKey", "eventData", headers, traceparent, "createdAt", attempts
     from batch
     where bytes_before = 0 or bytes_before + octet_length("eventData") <= $5
     order by seq`,
    [query.lanes, query.heldKeys, perLane, query.limit, query.maxBytes],
  );
  return rows;
}
