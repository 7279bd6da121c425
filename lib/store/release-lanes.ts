import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/** Gives all lanes of an owner back, so that another relay can take them at once. */
export async function releaseLanes(dataSource: DataSource, tables: OutboxTables, owner: string): Promise<void> {
  const l = tables.lane;
  await runWithinLimit(
    dataSource,
    `with mine as materialized (
       select ${l.lane} as lane from ${l.tableName} where ${l.owner} = $1 order by ${l.lane} for update
     )
     update ${l.tableName} o set ${l.expiresAt} = '-infinity' from mine where o.${l.lane} = mine.lane`,
    [owner],
  );
}
