import type { DataSource } from 'typeorm';
import { MOVED_COLUMNS } from './dead-letter-row';
import { laneFence, laneFenceParameters, mayBeSettled, type LaneClaim } from './lane-fence';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

export interface RejectedEvent {
  readonly seq: number;
  readonly reason: string;
  /** When to try it again; null: never, it becomes a dead letter. */
  readonly retryInSeconds: number | null;
}

/**
 * Records that the broker refused events: when to try them again, or that they are given up and move to the dead letters. In one statement, so that
 * an event is never in both tables or in none. Returns those that it changed.
 */
export async function settleRejected(
  dataSource: DataSource,
  tables: OutboxTables,
  claim: LaneClaim,
  rejected: readonly RejectedEvent[],
  /** Whether a dead letter keeps the later events of its key back. */
  deadHoldKey: boolean,
): Promise<readonly number[]> {
  const { event: t, deadLetter: d } = tables;
  const kept = [...MOVED_COLUMNS, 'headers'] as const;
  const { rows } = await runWithinLimit<{ seq: number | string }>(
    dataSource,
    `${laneFence(tables)}, refused as (
       select r.* from unnest($4::bigint[], $5::text[], $6::float8[]) as r(seq, reason, retry_in)
     ), died as (
       delete from ${t.tableName} e
       using refused
       where refused.retry_in is null and e.${t.seq} = refused.seq
         and ${mayBeSettled(tables, 'e')}
       returning e.*, refused.reason as final_reason
     ), buried as (
       insert into ${d.tableName} (${kept.map((column) => d[column]).join(', ')}, ${d.attempts}, ${d.reason}, ${d.diedAt}, ${d.holdsKey})
       select ${kept.map((column) => `died.${t[column]}`).join(', ')}, least(died.${t.attempts} + 1, 32767), died.final_reason,
              clock_timestamp(), $7::boolean
       from died
       returning ${d.seq} as seq
     ), delayed as (
       update ${t.tableName} e
       set ${t.attempts} = least(e.${t.attempts} + 1, 32767),
           ${t.retryAt} = clock_timestamp() + make_interval(secs => refused.retry_in),
           ${t.lastError} = refused.reason
       from refused
       where refused.retry_in is not null and e.${t.seq} = refused.seq
         and ${mayBeSettled(tables, 'e')}
       returning e.${t.seq} as seq
     )
     select seq::text as seq from buried union all select seq::text from delayed`,
    [
      ...laneFenceParameters(claim),
      rejected.map(({ seq }) => seq),
      rejected.map(({ reason }) => reason),
      rejected.map(({ retryInSeconds }) => retryInSeconds),
      deadHoldKey,
    ],
  );
  return rows.map(({ seq }) => Number(seq));
}
