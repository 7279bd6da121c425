import type { DataSource } from 'typeorm';
import { heldKeys, keyIsHeld } from './held-key';
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

/** Looks for events that have been due for longer than that. Only for when nothing is delivered: it walks over what is parked. */
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
     )
     select (select count(*) from own)::text as own,
            (select count(*) from own where held)::text as held,
            exists (
              select from ${t.tableName} e
              where ${overdue} and e.${t.lane} <> all (array (
                select ${l.lane} from ${l.tableName} where ${l.expiresAt} > clock_timestamp()
              ))
            )::text as orphaned`,
    [lanes, seconds],
  );
  const own = Number(rows[0]?.own ?? 0);
  return { own: own > 0, ownAreHeld: own > 0 && own === Number(rows[0]?.held), orphaned: rows[0]?.orphaned === 'true' };
}
