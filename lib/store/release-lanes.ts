import type { DataSource } from 'typeorm';
import { laneFence, laneFenceParameters, type LaneClaim } from './lane-fence';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/** Gives lanes back, so that another relay can take them at once; none that were taken over meanwhile. */
export async function releaseLanes(dataSource: DataSource, tables: OutboxTables, claim: LaneClaim): Promise<void> {
  const l = tables.lane;
  await runWithinLimit(
    dataSource,
    `${laneFence(tables, 'update')}
     update ${l.tableName} o set ${l.expiresAt} = '-infinity' from owned where o.${l.lane} = owned.lane`,
    laneFenceParameters(claim),
  );
}
