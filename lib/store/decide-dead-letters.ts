import type { OutboxTables } from './outbox-tables';

/**
 * The start of a statement by which an operator decides about dead letters: it locks those for which `condition` holds of `d`, as `chosen`, in
 * the order of all such statements, so that two of them cannot wait for each other.
 */
export function chosenDeadLetters({ deadLetter: d }: OutboxTables, condition: string): string {
  return `with chosen as materialized (
       select d.* from ${d.tableName} d where ${condition} order by d.${d.seq} for update of d
     )`;
}

/**
 * The part of such a statement that tells the owners of lanes to look at them from the beginning: what waited behind a held key lies before the
 * place at which they go on.
 *
 * @param lanes a select of one column, the lanes
 */
export function askForRewind({ rewind: r }: OutboxTables, lanes: string): string {
  return `asked as (
       insert into ${r.tableName} (${r.lane}) select distinct lane from (${lanes}) l(lane)
     )`;
}
