import type { DataSource } from 'typeorm';
import type { OwnedLane } from './lane-fence';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/** Renews the leases of an owner and returns the lanes that it still has. A lapsed lease that nobody took is renewed, too. */
export async function renewLanes(
  dataSource: DataSource,
  tables: OutboxTables,
  owner: string,
  leaseSeconds: number,
): Promise<readonly OwnedLane[]> {
  const l = tables.lane;
  const { rows } = await runWithinLimit<OwnedLane>(
    dataSource,
    // Locked in the order of lanes, as everywhere, so that renewing and taking cannot wait for each other.
    `with mine as materialized (
       select ${l.lane} as lane from ${l.tableName} where ${l.owner} = $1 order by ${l.lane} for update
     )
     update ${l.tableName} o
     set ${l.expiresAt} = clock_timestamp() + make_interval(secs => $2)
     from mine
     where o.${l.lane} = mine.lane
     returning o.${l.lane} as lane, o.${l.epoch}::text as epoch`,
    [owner, leaseSeconds],
  );
  return rows;
}
