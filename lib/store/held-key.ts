import type { OutboxTables } from './outbox-tables';

/** Up to so many held keys are read as a whole for a walk, and not probed for at each event. */
const FEW_KEYS = 1000;

/**
 * The part of a statement, `held`, that {@link keyIsHeld} needs.
 *
 * @param lanes the parameter with the array of lanes that are walked
 */
export function heldKeys({ event: t, deadLetter: d }: OutboxTables, lanes: string): string {
  return `held as materialized (
      (select ${t.eventKey} as key from ${t.tableName}
       where ${t.lane} = any (${lanes}::smallint[]) and ${t.publishedAt} is null and ${t.attempts} > 0 limit ${FEW_KEYS + 1})
      union all
      (select ${d.eventKey} from ${d.tableName} where ${d.holdsKey} limit ${FEW_KEYS + 1})
    )`;
}

/**
 * Whether the key of a row may not be delivered now: an event of it was refused and waits for its retry, or a dead letter of it waits for an
 * operator. `e` is the row's alias. What is parked behind a key is asked about event by event: few held keys are looked up in memory, many are two
 * probes of indexes that hold nothing else (a walk over 20,000 parked events took 140 ms and 480 ms, of which 95 were the walk; "offset 0" keeps the
 * planner from reading these indexes whole).
 */
export function keyIsHeld(tables: OutboxTables, e: string): string {
  const t = tables.event;
  return `case when (select count(*) from held) <= ${FEW_KEYS} then ${e}.${t.eventKey} in (select key from held)
            else exists (select from ${t.tableName} h
              where h.${t.eventKey} = ${e}.${t.eventKey} and h.${t.publishedAt} is null and h.${t.attempts} > 0 offset 0)
            or ${keyIsHeldByDeadLetter(tables, e)} end`;
}

/** Whether a dead letter of a row's key waits for an operator. */
export function keyIsHeldByDeadLetter({ event: t, deadLetter: d }: OutboxTables, e: string): string {
  return `exists (select from ${d.tableName} d where d.${d.eventKey} = ${e}.${t.eventKey} and d.${d.holdsKey} offset 0)`;
}
