import type { DataSource } from 'typeorm';
import type { OutboxTables } from './outbox-tables';
import { runWithinLimit } from './run-statement';

export interface HeldKey {
  readonly key: string;
  /** Seconds until its retry is due; 0 if it is due already. */
  readonly seconds: number;
}

/** The keys of lanes that wait for a retry. Walks what is pending in the lanes: for the moment after a takeover only. */
export async function readHeldKeys(
  dataSource: DataSource,
  tables: OutboxTables,
  lanes: readonly number[],
): Promise<readonly HeldKey[]> {
  const t = tables.event;
  const { rows } = await runWithinLimit<HeldKey>(
    dataSource,
    `select ${t.eventKey} as key,
            greatest(0, extract(epoch from max(${t.retryAt}) - clock_timestamp()))::float8 as seconds
     from ${t.tableName}
     where ${t.lane} = any ($1::smallint[]) and ${t.publishedAt} is null and ${t.retryAt} is not null
     group by ${t.eventKey}`,
    [lanes],
  );
  return rows;
}
