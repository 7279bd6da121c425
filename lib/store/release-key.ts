import type { DataSource } from 'typeorm';
import { chosenDeadLetters, askForRewind } from './decide-dead-letters';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

/** Lets a key go that dead letters hold, and returns these, by their lane. */
export async function releaseKey(
  dataSource: DataSource,
  tables: OutboxTables,
  eventKey: string,
): Promise<readonly { readonly lane: number }[]> {
  const d = tables.deadLetter;
  const { rows } = await runStatement<{ lane: string }>(
    dataSource,
    `${chosenDeadLetters(tables, `d.${d.eventKey} = $1 and d.${d.holdsKey}`)}, freed as (
       update ${d.tableName} set ${d.holdsKey} = false where ${d.seq} = any (array (select ${d.seq} from chosen))
     ), ${askForRewind(tables, `select c.${d.lane} from chosen c`)}
     select c.${d.lane}::text as lane from chosen c`,
    [eventKey],
  );
  return rows.map(({ lane }) => ({ lane: Number(lane) }));
}
