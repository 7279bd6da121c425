import type { DataSource } from 'typeorm';
import { MOVED_COLUMNS } from './dead-letter-row';
import { chosenDeadLetters, askForRewind } from './decide-dead-letters';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

/** Tells consumers a replay from a redelivery. */
const REPLAY_HEADER = 'outbox-replay';

export interface ReplayedDeadLetter {
  readonly id: string;
  readonly lane: number;
  /** False if the outbox holds an event of the same id or position: the dead letter is still there. */
  readonly moved: boolean;
}

/**
 * Moves dead letters back to their places in the outbox, and returns those that were found. Deleted is only what was inserted, so that none is
 * lost whatever another transaction adds meanwhile. With the transaction's own number in `xid` the relay finds them as events that
 * have committed late.
 */
export async function replayDeadLetters(
  dataSource: DataSource,
  tables: OutboxTables,
  ids: readonly string[],
  replayId: string,
): Promise<readonly ReplayedDeadLetter[]> {
  const { event: t, deadLetter: d } = tables;
  const { rows } = await runStatement<{ id: string; lane: string; moved: string }>(
    dataSource,
    `${chosenDeadLetters(tables, `d.${d.id} = any ($1::uuid[])`)}, back as (
       insert into ${t.tableName} (${MOVED_COLUMNS.map((name) => t[name]).join(', ')}, ${t.headers}, ${t.xid}, ${t.attempts})
       overriding system value
       select ${MOVED_COLUMNS.map((name) => `c.${d[name]}`).join(', ')}, ${withReplayHeader(`c.${d.headers}`, '$2')}, x::text::bigint, 0
       from chosen c
       cross join pg_current_xact_id() x
       on conflict do nothing
       returning ${t.seq} as seq
     ), gone as (
       delete from ${d.tableName} where ${d.seq} = any (array (select seq from back))
     ), ${askForRewind(tables, `select c.${d.lane} from chosen c where c.${d.holdsKey} and c.${d.seq} in (select seq from back)`)}
     select c.${d.id}::text as id, c.${d.lane}::text as lane, (c.${d.seq} in (select seq from back))::text as moved from chosen c`,
    [ids, replayId],
  );
  return rows.map(({ id, lane, moved }) => ({ id, lane: Number(lane), moved: moved === 'true' }));
}

/** Written anew as text, since `jsonb` would sort the names. The header of an earlier replay gives way. */
function withReplayHeader(headers: string, replayId: string): string {
  return `('{' || coalesce(
         (select string_agg(to_json(h.key)::text || ':' || h.value::text, ',' order by h.place) || ','
          from json_each(${headers}) with ordinality as h(key, value, place)
          where lower(h.key) <> '${REPLAY_HEADER}'), '') || '"${REPLAY_HEADER}":' || to_json(${replayId}::text)::text || '}')::json`;
}
