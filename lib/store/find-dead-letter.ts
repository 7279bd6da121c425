import type { DataSource } from 'typeorm';
import type { DeadLetter } from '../interfaces/dead-letter';
import { deadLetterColumns, toDeadLetter, type DeadLetterRow } from './dead-letter-row';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

export async function findDeadLetter(
  dataSource: DataSource,
  tables: OutboxTables,
  id: string,
): Promise<DeadLetter | null> {
  const d = tables.deadLetter;
  const { rows } = await runStatement<DeadLetterRow>(
    dataSource,
    `select ${deadLetterColumns(tables)} from ${d.tableName} d where d.${d.id} = $1::uuid order by d.${d.seq} desc limit 1`,
    [id],
  );
  const [row] = rows;
  return row === undefined ? null : toDeadLetter(row);
}
