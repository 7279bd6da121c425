import type { DataSource } from 'typeorm';
import { chosenDeadLetters, askForRewind } from './decide-dead-letters';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

export interface DiscardedDeadLetter {
  readonly id: string;
  readonly lane: number;
  /** Whether it has held its key. */
  readonly held: boolean;
}

/** Deletes dead letters, and returns those that were found. */
export async function discardDeadLetters(
  dataSource: DataSource,
  tables: OutboxTables,
  ids: readonly string[],
): Promise<readonly DiscardedDeadLetter[]> {
  const d = tables.deadLetter;
  const { rows } = await runStatement<{ id: string; lane: string; held: string }>(
    dataSource,
    `${chosenDeadLetters(tables, `d.${d.id} = any ($1::uuid[])`)}, gone as (
       delete from ${d.tableName} where ${d.seq} = any (array (select ${d.seq} from chosen))
     ), ${askForRewind(tables, `select c.${d.lane} from chosen c where c.${d.holdsKey}`)}
     select c.${d.id}::text as id, c.${d.lane}::text as lane, c.${d.holdsKey}::text as held from chosen c`,
    [ids],
  );
  return rows.map(({ id, lane, held }) => ({ id, lane: Number(lane), held: held === 'true' }));
}
