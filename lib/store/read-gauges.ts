import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/** The state of the table and of its relays, as gauges need it. */
export interface TableReading {
  /** Committed events that are not yet delivered. */
  readonly pending: number;
  /** Those of them that were refused and wait for a retry. */
  readonly failing: number;
  /** Those of them whose asked-for delay is not over. */
  readonly delayed: number;
  /** Since when the oldest of them is due; those still delayed are left out. 0 if there is none. */
  readonly oldestPendingSeconds: number;
  /** Keys of which nothing is delivered for now. */
  readonly heldKeys: number;
  readonly deadLetters: number;
  /** Those of the inbox. */
  readonly inboxDeadLetters: number;
  /** Lanes that a relay owns, whichever it is. */
  readonly leasedLanes: number;
  readonly livingRelays: number;
}

type Row = { readonly [Property in keyof TableReading]: string | null };

/**
 * Reads the pending events by their partial index, and nothing of what is published. It takes the longer the more is pending: a million take
 * about half a second, which is why its readers keep the result for a while.
 */
export async function readGauges(dataSource: DataSource, tables: OutboxTables): Promise<TableReading> {
  const { event: t, deadLetter: d, inboxDeadLetter: i, lane: l, relay: r } = tables;
  const { rows } = await runWithinLimit<Row>(
    dataSource,
    `with pending as (
       select e.${t.attempts} as attempts, greatest(e.${t.createdAt}, e.${t.availableAt}) as since,
              e.${t.attempts} = 0 and coalesce(e.${t.retryAt} > clock_timestamp(), false) as delayed
       from ${t.tableName} e
       where e.${t.publishedAt} is null
     ), held as (
       select ${t.eventKey} from ${t.tableName} where ${t.publishedAt} is null and ${t.attempts} > 0
       union
       select ${d.eventKey} from ${d.tableName} where ${d.holdsKey}
     )
     select count(*)::text as pending,
            (count(*) filter (where attempts > 0))::text as failing,
            (count(*) filter (where delayed))::text as delayed,
            extract(epoch from clock_timestamp() - min(since) filter (where not delayed))::text as "oldestPendingSeconds",
            (select count(*) from held)::text as "heldKeys",
            (select count(*) from ${d.tableName})::text as "deadLetters",
            (select count(*) from ${i.tableName})::text as "inboxDeadLetters",
            (select count(*) from ${l.tableName} where ${l.expiresAt} > clock_timestamp())::text as "leasedLanes",
            (select count(*) from ${r.tableName} where ${r.expiresAt} > clock_timestamp())::text as "livingRelays"
     from pending`,
    [],
  );
  const number = (property: keyof TableReading): number => Math.max(0, Number(rows[0]?.[property] ?? 0));
  return {
    pending: number('pending'),
    failing: number('failing'),
    delayed: number('delayed'),
    oldestPendingSeconds: number('oldestPendingSeconds'),
    heldKeys: number('heldKeys'),
    deadLetters: number('deadLetters'),
    inboxDeadLetters: number('inboxDeadLetters'),
    leasedLanes: number('leasedLanes'),
    livingRelays: number('livingRelays'),
  };
}
