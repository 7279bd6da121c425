import { LANES } from './ordering-key';
import type { OutboxTables } from './outbox-tables';

/** First half of the numbers of the session locks that relays hold as a sign of life: apart from any that the application takes. */
export const LIFE_LOCKS = 0x6f75746c; // "outl"

/**
 * The start of a statement that has to know who lives. Gives the tables `relays` (`id`; `lives`; `died`: it left its sign of life
 * behind, which nobody holds any more) and `share` (`target`: how many lanes this relay is to own). Takes the parameter $1 (this relay).
 *
 * The relays rank by their ids, so that their targets add up to all lanes: none is left over, and in the end none lacks any.
 */
export function livingRelays(tables: OutboxTables): string {
  const r = tables.relay;
  return `held as materialized (
       select l.objid::bigint as number
       from pg_locks l
       where l.locktype = 'advisory' and l.classid = ${LIFE_LOCKS}::oid and l.objsubid = 2 and l.granted
         and l.database = (select d.oid from pg_database d where d.datname = current_database())
     ), relays as materialized (
       select s.id, s.died, s.in_time and not s.died as lives
       from (
         select r.${r.id} as id, r.${r.expiresAt} > clock_timestamp() as in_time,
                r.${r.lifeLock} is not null and r.${r.lifeLock} not in (select number from held) as died
         from ${r.tableName} r
       ) s
     ), share as materialized (
       select ${LANES} / count(*) + case when count(*) filter (where id < $1::uuid) < ${LANES} % count(*) then 1 else 0 end as target
       from (select id from relays where lives union select $1::uuid) living
     )`;
}
