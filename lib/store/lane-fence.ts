import type { OutboxTables } from './outbox-tables';

/** A lane as its owner knows it. */
export interface OwnedLane {
  readonly lane: number;
  readonly epoch: string;
}

/** Who settles, and by which right. */
export interface LaneClaim {
  readonly owner: string;
  readonly lanes: readonly OwnedLane[];
}

/**
 * The start of a statement that may change rows only of lanes that are still owned: it locks the lane rows, so that a takeover waits
 * for the statement. To compare epochs without the lock is no fence: a takeover that commits in mid-statement lets a stale one through.
 * Takes the parameters $1 (owner), $2 (lanes) and $3 (epochs); use it in autocommit only, or a frozen relay blocks its successor.
 *
 * @param lock `update` if the statement changes the lane rows themselves
 */
export function laneFence(tables: OutboxTables, lock: 'share' | 'update' = 'share'): string {
  const l = tables.lane;
  return `with owned as materialized (
       select o.${l.lane} as lane
       from ${l.tableName} o
       join unnest($2::smallint[], $3::bigint[]) as mine(lane, epoch) on mine.lane = o.${l.lane} and mine.epoch = o.${l.epoch}
       where o.${l.owner} = $1::uuid
       order by o.${l.lane}
       for ${lock} of o
     )`;
}

/**
 * Of which rows such a statement may record what became of them: of those still pending in the lanes that it has locked. "+ 0" keeps the planner from an
 * index on lane, which it would probe for each pair of lane and seq (4 s for 1000 rows).
 */
export function mayBeSettled({ event: t }: OutboxTables, e: string): string {
  return `${e}.${t.lane} + 0 = any (array (select lane from owned)) and ${e}.${t.publishedAt} is null`;
}

export function laneFenceParameters(claim: LaneClaim): [string, number[], string[]] {
  return [claim.owner, claim.lanes.map(({ lane }) => lane), claim.lanes.map(({ epoch }) => epoch)];
}
