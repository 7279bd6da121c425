import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

/**
 * Sends a payload to all who listen. The channel is named after the table's number in the database, on which all agree who use the table,
 * whether they name it with its schema or find it by their search path.
 */
export async function notify(dataSource: DataSource, tables: OutboxTables, payload: string): Promise<void> {
  await runWithinLimit(dataSource, `select pg_notify('outbox_' || $1::regclass::oid::text, $2)`, [
    tables.event.tableName,
    payload,
  ]);
}
