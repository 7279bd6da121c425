import type { DataSource } from 'typeorm';
import { laneFence, laneFenceParameters, type LaneClaim } from './lane-fence';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

export interface RejectedEvent {
  readonly seq: string;
  readonly reason: string;
  readonly retryInSeconds: number;
}

/** Records that the broker refused events, and when to try them again. Returns how many rows it changed. */
export async function settleRejected(
  dataSource: DataSource,
  tables: OutboxTables,
  claim: LaneClaim,
  rejected: readonly RejectedEvent[],
): Promise<number> {
  const t = tables.event;
  const { count } = await runWithinLimit(
    dataSource,
    `${laneFence(tables)}
     update ${t.tableName} e
     set ${t.attempts} = least(e.${t.attempts} + 1, 32767),
         ${t.retryAt} = clock_timestamp() + make_interval(secs => refused.retry_in),
         ${t.lastError} = refused.reason
     from unnest($4::bigint[], $5::text[], $6::float8[]) as refused(seq, reason, retry_in)
     where e.${t.seq} = refused.seq and e.${t.lane} = any (array (select lane from owned)) and e.${t.publishedAt} is null`,
    [
      ...laneFenceParameters(claim),
      rejected.map(({ seq }) => seq),
      rejected.map(({ reason }) => reason),
      rejected.map(({ retryInSeconds }) => retryInSeconds),
    ],
  );
  return count;
}
