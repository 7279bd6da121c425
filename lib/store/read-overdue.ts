import type { DataSource } from 'typeorm';
import { heldKeys, keyIsHeld } from './held-key';
import { LANES } from './ordering-key';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/** What has been due for too long. */
export interface Overdue {
  /** Of lanes of this relay. */
  readonly own: boolean;
  /** Whether all of these wait behind a key that is held. */
  readonly ownAreHeld: boolean;
  /** Of lanes that no living relay owns. */
  readonly orphaned: boolean;
}

/** More than this are not looked at: the first ones tell enough. */
const MOST = 10_000;

/**
 * Looks for events that have been due for longer than that, by the index on (lane, seq) of what is pending. Only for when this process delivers nothing: in its own lanes it walks
 * over what is parked. Of others' lanes it looks only at those that nobody owns: there are none if all is well.
 */
export async function readOverdue(
  dataSource: DataSource,
  tables: OutboxTables,
  lanes: readonly number[],
  seconds: number,
): Promise<Overdue> {
  const { event: t, lane: l } = tables;
  const overdue = `e.${t.publishedAt} is null
         and not (e.${t.attempts} = 0 and coalesce(e.${t.retryAt} > clock_timestamp(), false))
         and greatest(e.${t.createdAt}, e.${t.availableAt}) < clock_timestamp() - make_interval(secs => $2::float8)`;
  const { rows } = await runWithinLimit<{ own: string; held: string; orphaned: string }>(
    dataSource,
    `with ${heldKeys(tables, '$1')}, own as materialized (
       select e.${t.attempts} > 0 or ${keyIsHeld(tables, 'e')} as held
       from ${t.tableName} e
       where e.${t.lane} = any ($1::smallint[]) and ${overdue}
       order by e.${t.lane}, e.${t.seq}
       limit ${MOST}
     ), unowned as materialized (
       select number::smallint as lane from generate_series(0, ${LANES - 1}) as number
       except
       select ${l.lane} from ${l.tableName} where ${l.expiresAt} > clock_timestamp()
     )
     select (select count(*) from own)::text as own,
            (select count(*) from own where held)::text as held,
            exists (
              select from unowned u
              cross join lateral (
                select from ${t.tableName} e where e.${t.lane} = u.lane and ${overdue} order by e.${t.lane}, e.${t.seq} limit 1
              ) e
            )::text as orphaned`,
    [lanes, seconds],
  );
  const own = Number(rows[0]?.own ?? 0);
  return { own: own > 0, ownAreHeld: own > 0 && own === Number(rows[0]?.held), orphaned: rows[0]?.orphaned === 'true' };
}
