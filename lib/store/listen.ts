import type { QueryRunner } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

/** Listens on a runner's connection to what {@link notify} sends. */
export async function listen(runner: QueryRunner, tables: OutboxTables): Promise<void> {
  const { rows } = await runStatement<{ channel: string }>(
    runner,
    `select quote_ident('outbox_' || $1::regclass::oid::text) as channel`,
    [tables.event.tableName],
  );
  await runStatement(runner, `listen ${String(rows[0]?.channel)}`, []);
}
