import type { DataSource } from 'typeorm';
import { laneFence, laneFenceParameters, type LaneClaim } from './lane-fence';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

/** Records that events were delivered. Returns how many rows it changed: fewer than asked for means that a lane was lost. */
export async function settlePublished(
  dataSource: DataSource,
  tables: OutboxTables,
  claim: LaneClaim,
  seqs: readonly string[],
): Promise<number> {
  const t = tables.event;
  const { count } = await runStatement(
    dataSource,
    `${laneFence(tables)}
     update ${t.tableName} e
     set ${t.publishedAt} = clock_timestamp(), ${t.retryAt} = null
     from owned, unnest($4::bigint[]) as sent(seq)
     where e.${t.seq} = sent.seq and e.${t.lane} = owned.lane and e.${t.publishedAt} is null`,
    [...laneFenceParameters(claim), seqs],
  );
  return count;
}
