import type { DataSource } from 'typeorm';
import type { ExpiredPage } from './delete-expired';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';
import { UPKEEP_LOCK } from './upkeep-lock';

/** Rows that one statement deletes at most: some milliseconds of work. */
const PAGE = 1000;

/**
 * Deletes records of messages that were handled, or failed last, before the cutoff, by the database's clock and the index on `processed_at`. On behalf of
 * one process at a time; it waits for nobody.
 */
export async function deleteHandledMessages(
  dataSource: DataSource,
  { event, inbox: t }: OutboxTables,
  keptSeconds: number,
): Promise<ExpiredPage> {
  const { rows } = await runWithinLimit<{ deleted: string; busy: string }>(
    dataSource,
    `with turn as materialized (
       select pg_try_advisory_xact_lock(${UPKEEP_LOCK}, $1::regclass::oid::int) as mine
     ), cutoff as materialized (
       select clock_timestamp() - make_interval(secs => $2) as at
     ), handled as materialized (
       select i.ctid as place
       from ${t.tableName} i
       where i.${t.processedAt} < (select at from cutoff) and (select mine from turn)
       order by i.${t.processedAt}
       limit $3
       for update skip locked
     ), abandoned as materialized (
       select i.ctid as place
       from ${t.tableName} i
       where i.${t.processedAt} is null and i.${t.failedAt} < (select at from cutoff) and (select mine from turn)
       limit $3
       for update skip locked
     ), deleted as (
       delete from ${t.tableName} i
       where i.ctid = any (array (select place from handled union all select place from abandoned))
       returning 1
     )
     select (select count(*) from deleted)::text as deleted, (not mine)::text as busy from turn`,
    [event.tableName, keptSeconds, PAGE],
  );
  const deleted = Number(rows[0]?.deleted ?? 0);
  return { deleted, next: deleted >= PAGE ? '0' : null, busy: rows[0]?.busy === 'true' };
}
