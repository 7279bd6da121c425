import type { DataSource } from 'typeorm';
import type { OutboxStats } from '../interfaces/outbox-stats';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

interface Row {
  pending: string;
  failing: string;
  published: string;
  oldest_pending_seconds: number | null;
}

export async function readStats(dataSource: DataSource, tables: OutboxTables): Promise<OutboxStats> {
  const t = tables.event;
  const { rows } = await runStatement<Row>(
    dataSource,
    `select count(*) filter (where ${t.publishedAt} is null) as pending,
            count(*) filter (where ${t.publishedAt} is null and ${t.attempts} > 0) as failing,
            count(${t.publishedAt}) as published,
            extract(epoch from clock_timestamp() - min(${t.createdAt}) filter (where ${t.publishedAt} is null))::float8
              as oldest_pending_seconds
     from ${t.tableName}`,
    [],
  );
  const [row] = rows;
  return {
    pending: Number(row?.pending ?? 0),
    failing: Number(row?.failing ?? 0),
    published: Number(row?.published ?? 0),
    oldestPendingSeconds: row?.oldest_pending_seconds ?? 0,
  };
}
