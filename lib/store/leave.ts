import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { ownLanes } from './own-lanes';
import { runWithinLimit } from './run-statement';

/** Gives all lanes of a relay back, also those that it does not know of, and strikes it off the list of the living. */
export async function leave(dataSource: DataSource, tables: OutboxTables, owner: string): Promise<void> {
  const { lane: l, relay: r } = tables;
  await runWithinLimit(
    dataSource,
    `with ${ownLanes(tables)}, struck as (
       delete from ${r.tableName} where ${r.id} = $1::uuid
     )
     update ${l.tableName} o set ${l.expiresAt} = '-infinity' from mine where o.${l.lane} = mine.lane`,
    [owner],
  );
}
