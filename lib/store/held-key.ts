import type { OutboxTables } from './outbox-tables';

/**
 * Whether the key of a row may not be delivered now: an event of it was refused and waits for its retry, or a dead letter of it waits for an
 * operator. Two probes of indexes that hold nothing else ("offset 0" keeps the planner from reading them whole instead); `e` is the row's alias.
 */
export function keyIsHeld(tables: OutboxTables, e: string): string {
  const t = tables.event;
  return `(exists (select from ${t.tableName} h
            where h.${t.eventKey} = ${e}.${t.eventKey} and h.${t.publishedAt} is null and h.${t.attempts} > 0 offset 0)
          or ${keyIsHeldByDeadLetter(tables, e)})`;
}

/** Whether a dead letter of a row's key waits for an operator. */
export function keyIsHeldByDeadLetter({ event: t, deadLetter: d }: OutboxTables, e: string): string {
  return `exists (select from ${d.tableName} d where d.${d.eventKey} = ${e}.${t.eventKey} and d.${d.holdsKey} offset 0)`;
}
