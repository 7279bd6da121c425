import type { DataSource } from 'typeorm';
import type { OwnedLane } from './lane-fence';
import { livingRelays } from './living-relays';
import type { OutboxTables } from './outbox-tables';
import { ownLanes } from './own-lanes';
import { runWithinLimit } from './run-statement';

/** How a relay presents itself. */
export interface RelayIdentity {
  readonly owner: string;
  readonly leaseSeconds: number;
  /** Number of the session lock that it holds; null if it holds none. */
  readonly lifeLock: number | null;
}

export interface RenewedLanes {
  /** All lanes that it owns. */
  readonly lanes: readonly OwnedLane[];
  /** How many it is to own. */
  readonly target: number;
  /** Whether the others have not counted it as living until now. */
  readonly joined: boolean;
}

/** As text throughout: an application may have changed node-postgres' parsers. */
interface Row {
  readonly target: string;
  readonly joined: string;
  readonly lane: string | null;
  readonly epoch: string | null;
}

/**
 * Tells that a relay lives, and renews its leases; a lapsed one that nobody took is renewed, too. By the way it forgets relays that have
 * been gone for long.
 */
export async function renewLanes(
  dataSource: DataSource,
  tables: OutboxTables,
  { owner, leaseSeconds, lifeLock }: RelayIdentity,
): Promise<RenewedLanes> {
  const { lane: l, relay: r } = tables;
  const { rows } = await runWithinLimit<Row>(
    dataSource,
    `with ${livingRelays(tables)}, ${ownLanes(tables)}, renewed as (
       update ${l.tableName} o
       set ${l.expiresAt} = clock_timestamp() + make_interval(secs => $2)
       from mine
       where o.${l.lane} = mine.lane
       returning o.${l.lane} as lane, o.${l.epoch} as epoch
     ), beat as (
       insert into ${r.tableName} (${r.id}, ${r.lifeLock}, ${r.expiresAt})
       values ($1::uuid, $3::integer, clock_timestamp() + make_interval(secs => $2))
       on conflict (${r.id}) do update set ${r.lifeLock} = excluded.${r.lifeLock}, ${r.expiresAt} = excluded.${r.expiresAt}
     ), forgotten as (
       delete from ${r.tableName} where ${r.id} in (
         select ${r.id} from ${r.tableName}
         where ${r.expiresAt} < clock_timestamp() - interval '1 hour' and ${r.id} <> $1::uuid
         for update skip locked
       )
     )
     select share.target::text as target, (not exists (select from relays where id = $1::uuid and lives))::text as joined,
            renewed.lane::text as lane, renewed.epoch::text as epoch
     from share left join renewed on true`,
    [owner, leaseSeconds, lifeLock],
  );
  return {
    lanes: rows.flatMap(({ lane, epoch }) => (lane === null || epoch === null ? [] : [{ lane: Number(lane), epoch }])),
    target: Number(rows[0]?.target),
    joined: rows[0]?.joined === 'true',
  };
}
