import type { DataSource } from 'typeorm';
import type { OwnedLane } from './lane-fence';
import { livingRelays } from './living-relays';
import { LANES } from './ordering-key';
import type { OutboxTables } from './outbox-tables';
import type { RelayIdentity } from './renew-lanes';
import { runWithinLimit } from './run-statement';

export interface LanesAfterTaking {
  /** Those that were owned before. Their leases are what they were. */
  readonly kept: readonly OwnedLane[];
  readonly taken: readonly OwnedLane[];
  /** How many the relay is to own. */
  readonly target: number;
}

/** As text throughout: an application may have changed node-postgres' parsers. */
interface Row {
  readonly target: string;
  readonly lane: string | null;
  readonly epoch: string | null;
  readonly taken: string | null;
}

/**
 * Takes lanes that nobody owns, up to this relay's share: those never owned or given back, those whose lease has lapsed by the database's
 * clock, and those whose owner has died. The epoch grows, which bars the former owner from settling. A lane that somebody has locked (a settling that
 * has begun) is left for the next time, so that it holds up none of the others.
 * `clock_timestamp()`, as now() stands still while the statement waits for a lock. Changes nothing if there is nothing to take.
 *
 * Existing rows are locked first, then missing ones are made, both in the order of lanes, and to make one waits only for others who make some:
 * so no two such statements wait for each other.
 */
export async function takeLanes(
  dataSource: DataSource,
  tables: OutboxTables,
  { owner, leaseSeconds }: Pick<RelayIdentity, 'owner' | 'leaseSeconds'>,
): Promise<LanesAfterTaking> {
  const l = tables.lane;
  const until = 'clock_timestamp() + make_interval(secs => $2)';
  const { rows } = await runWithinLimit<Row>(
    dataSource,
    `with ${livingRelays(tables)}, kept as materialized (
       select ${l.lane} as lane, ${l.epoch} as epoch from ${l.tableName}
       where ${l.owner} = $1::uuid and ${l.expiresAt} > '-infinity'
     ), wanted as materialized (
       select greatest(0, target - (select count(*) from kept)) as number from share
     ), free as materialized (
       select o.${l.lane} as lane from ${l.tableName} o
       where o.${l.expiresAt} = '-infinity' or (o.${l.owner} <> $1::uuid and (
         o.${l.expiresAt} <= clock_timestamp() or o.${l.owner} in (select id from relays where died)))
       order by o.${l.lane}
       limit (select number from wanted)
       for update of o skip locked
     ), taken as (
       update ${l.tableName} o
       set ${l.owner} = $1::uuid, ${l.epoch} = o.${l.epoch} + 1, ${l.expiresAt} = ${until}
       from free
       where o.${l.lane} = free.lane
       returning o.${l.lane} as lane, o.${l.epoch} as epoch
     ), made as (
       insert into ${l.tableName} (${l.lane}, ${l.owner}, ${l.epoch}, ${l.expiresAt})
       select missing.lane, $1::uuid, 1, ${until}
       from generate_series(0, ${LANES - 1}) as missing(lane)
       where not exists (select from ${l.tableName} o where o.${l.lane} = missing.lane)
       order by missing.lane
       limit (select greatest(0, number - (select count(*) from free)) from wanted)
       on conflict (${l.lane}) do nothing
       returning ${l.lane} as lane, ${l.epoch} as epoch
     )
     select share.target::text as target, owned.lane::text as lane, owned.epoch::text as epoch, owned.taken::text as taken
     from share
     left join (
       select lane, epoch, false as taken from kept
       union all select lane, epoch, true from taken
       union all select lane, epoch, true from made
     ) owned on true
     order by owned.lane`,
    [owner, leaseSeconds],
  );
  const owned = (taken: string): OwnedLane[] =>
    rows.flatMap(({ lane, epoch, taken: is }) =>
      lane === null || epoch === null || is !== taken ? [] : [{ lane: Number(lane), epoch }],
    );
  return { kept: owned('false'), taken: owned('true'), target: Number(rows[0]?.target) };
}
