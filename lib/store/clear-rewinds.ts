import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/** Notes that the owner of lanes begins them anew, as an operator has asked for. */
export async function clearRewinds(
  dataSource: DataSource,
  tables: OutboxTables,
  owner: string,
  lanes: readonly number[],
): Promise<void> {
  const l = tables.lane;
  await runWithinLimit(
    dataSource,
    `update ${l.tableName} set ${l.rewind} = false where ${l.owner} = $1 and ${l.lane} = any ($2::smallint[]) and ${l.rewind}`,
    [owner, lanes],
  );
}
