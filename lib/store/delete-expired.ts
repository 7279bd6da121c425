import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';
import { UPKEEP_LOCK } from './upkeep-lock';

/** What is kept for a while, and is found in the order of `seq`. */
export type Kept = 'published' | 'deadLetters' | 'inboxDeadLetters';

export interface ExpiredPage {
  readonly deleted: number;
  /** After which `seq` the next page begins; null if there is none. */
  readonly next: string | null;
  /** Whether another process was at it, so that nothing was done. */
  readonly busy: boolean;
}

/**
 * Rows that one statement looks at, and deletes at most: some milliseconds of work. Few enough that the planner takes the primary key for a large
 * table even if it has no statistics of it (with 2000 it sorted a fresh one of 200,000 rows for each page).
 */
const PAGE = 1000;

/**
 * Looks at the next rows in the order of `seq` and deletes those that have been kept long enough, by the database's clock. Short, on its own, and on
 * behalf of one process at a time; it waits for nobody, and locks no row but those that it deletes.
 *
 * Walks the primary key: an index for it would make each settling dearer. What comes after a page whose rows were all added after the cutoff was
 * added later still, and so cannot have been delivered before it.
 */
export async function deleteExpired(
  dataSource: DataSource,
  tables: OutboxTables,
  kept: Kept,
  keptSeconds: number,
  after: string,
): Promise<ExpiredPage> {
  const { tableName, seq, createdAt, expired } = rowsOf(tables, kept);
  const { rows } = await runWithinLimit<{ deleted: string; next: string | null; busy: string }>(
    dataSource,
    // Materialized, so that there is one try for the lock and one cutoff. The second look at `expired` is at the row as it is locked.
    `with turn as materialized (
       select pg_try_advisory_xact_lock(${UPKEEP_LOCK}, $1::regclass::oid::int) as mine
     ), cutoff as materialized (
       select clock_timestamp() - make_interval(secs => $2) as at
     ), page as materialized (
       select e.${seq} as seq, ${expired} as expired, e.${createdAt} < (select at from cutoff) as before_cutoff
       from ${tableName} e
       where e.${seq} > $3::bigint and (select mine from turn)
       order by e.${seq}
       limit $4
     ), free as materialized (
       select e.${seq} as seq
       from ${tableName} e
       where e.${seq} = any (array (select seq from page where expired)) and ${expired}
       for update skip locked
     ), deleted as (
       delete from ${tableName} e where e.${seq} = any (array (select seq from free)) returning 1
     )
     select (select count(*) from deleted)::text as deleted,
            case when count(*) = $4 and bool_or(before_cutoff) then max(seq)::text end as next,
            (select not mine from turn)::text as busy
     from page`,
    [tables.event.tableName, keptSeconds, after, PAGE],
  );
  const [row] = rows;
  return { deleted: Number(row?.deleted ?? 0), next: row?.next ?? null, busy: row?.busy === 'true' };
}

interface Rows {
  readonly tableName: string;
  readonly seq: string;
  readonly createdAt: string;
  /** When a row `e` has been kept long enough. */
  readonly expired: string;
}

function rowsOf({ event, deadLetter, inboxDeadLetter }: OutboxTables, kept: Kept): Rows {
  switch (kept) {
    case 'published':
      return { ...event, expired: `e.${event.publishedAt} < (select at from cutoff)` };
    case 'deadLetters':
      // Not one that holds its key: to delete it would let the key go.
      return {
        ...deadLetter,
        expired: `e.${deadLetter.diedAt} < (select at from cutoff) and not e.${deadLetter.holdsKey}`,
      };
    case 'inboxDeadLetters':
      return {
        ...inboxDeadLetter,
        createdAt: inboxDeadLetter.diedAt,
        expired: `e.${inboxDeadLetter.diedAt} < (select at from cutoff)`,
      };
  }
}
