import type { DataSource } from 'typeorm';
import type { OutboxStats } from '../interfaces/outbox-stats';
import type { OutboxTables } from './outbox-tables';
import { runStatement } from './run-statement';

/** As text, whatever parsers the process has. */
type Row = { readonly [Property in Exclude<keyof OutboxStats, 'oldestPendingSeconds'>]: string } & {
  readonly oldestPendingSeconds: string | null;
};

/** An event whose delay is over is as old as the moment for which it was asked, and one that still waits for it has no age. */
export async function readStats(dataSource: DataSource, tables: OutboxTables): Promise<OutboxStats> {
  const { event: t, deadLetter: d } = tables;
  const delayed = `(${t.attempts} = 0 and ${t.retryAt} is not null and ${t.retryAt} > clock_timestamp())`;
  const { rows } = await runStatement<Row>(
    dataSource,
    `select (count(*) filter (where ${t.publishedAt} is null))::text as pending,
            (count(*) filter (where ${t.publishedAt} is null and ${t.attempts} > 0))::text as failing,
            (count(*) filter (where ${t.publishedAt} is null and ${delayed}))::text as delayed,
            count(${t.publishedAt})::text as published,
            (select count(*) from ${d.tableName})::text as "deadLetters",
            extract(epoch from clock_timestamp()
                    - min(greatest(${t.createdAt}, ${t.availableAt})) filter (where ${t.publishedAt} is null and not ${delayed})
                   )::text as "oldestPendingSeconds"
     from ${t.tableName}`,
    [],
  );
  const [row] = rows;
  return {
    pending: Number(row?.pending ?? 0),
    failing: Number(row?.failing ?? 0),
    delayed: Number(row?.delayed ?? 0),
    published: Number(row?.published ?? 0),
    deadLetters: Number(row?.deadLetters ?? 0),
    oldestPendingSeconds: Number(row?.oldestPendingSeconds ?? 0),
  };
}
