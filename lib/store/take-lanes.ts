import type { DataSource } from 'typeorm';
import type { OwnedLane } from './lane-fence';
import { LANES } from './ordering-key';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/**
 * Takes every lane that nobody owns: those never owned, and those whose lease has lapsed by the database's clock. The epoch grows,
 * which bars the former owner from settling. `clock_timestamp()`, as now() stands still while the statement waits for a lock.
 */
export async function takeLanes(
  dataSource: DataSource,
  tables: OutboxTables,
  owner: string,
  leaseSeconds: number,
): Promise<readonly OwnedLane[]> {
  const l = tables.lane;
  const { rows } = await runWithinLimit<OwnedLane>(
    dataSource,
    `insert into ${l.tableName} as held (${l.lane}, ${l.owner}, ${l.epoch}, ${l.expiresAt})
     select free.lane, $1::uuid, 1, clock_timestamp() + make_interval(secs => $2)
     from generate_series(0, ${LANES - 1}) as free(lane)
     where not exists (select from ${l.tableName} o where o.${l.lane} = free.lane and o.${l.expiresAt} > clock_timestamp())
     order by free.lane
     on conflict (${l.lane}) do update
       set ${l.owner} = excluded.${l.owner}, ${l.epoch} = held.${l.epoch} + 1,
           ${l.expiresAt} = clock_timestamp() + make_interval(secs => $2)
       where held.${l.expiresAt} <= clock_timestamp()
     returning ${l.lane} as lane, ${l.epoch}::text as epoch`,
    [owner, leaseSeconds],
  );
  return rows;
}
