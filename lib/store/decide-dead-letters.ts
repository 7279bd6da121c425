import type { OutboxTables } from './outbox-tables';

/**
 * The start of a statement by which an operator decides about dead letters: it locks those for which `condition` holds of `d`, as `chosen`. The
 * order is that of all such statements, dead letters by position and then lanes, so that two of them cannot wait for each other.
 */
export function chosenDeadLetters({ deadLetter: d }: OutboxTables, condition: string): string {
  return `with chosen as materialized (
       select d.* from ${d.tableName} d where ${condition} order by d.${d.seq} for update of d
     )`;
}

/**
 * The part of such a statement that tells the owners of lanes to look at them from the beginning: what waited behind a held key lies before the
 * place at which they go on. A lane without a row has no owner, and its first one begins there anyway. Unconditional, as a flag that is
 * set may just be being cleared.
 *
 * @param lanes a select of one column, the lanes
 */
export function rewindLanes({ lane: l }: OutboxTables, lanes: string): string {
  return `flagged as materialized (
       select o.${l.lane} as lane from ${l.tableName} o where o.${l.lane} in (${lanes}) order by o.${l.lane} for no key update of o
     ), rewound as (
       update ${l.tableName} o set ${l.rewind} = true from flagged f where o.${l.lane} = f.lane
     )`;
}
