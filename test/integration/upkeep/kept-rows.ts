import type { Logger } from 'typeorm';
import type { TestDatabase } from '../support/database';

/** Adds delivered events, all at once, that were added and delivered so many hours ago. Returns their `seq`, from the lowest on. */
export function addPublished(
  database: TestDatabase,
  count: number,
  { hoursAgo = 48, table = 'event_outbox' } = {},
): Promise<number[]> {
  return addRows(database, count, `now() - make_interval(hours => ${hoursAgo})`, hoursAgo, table);
}

/** The same, not yet delivered. */
export function addPending(database: TestDatabase, count: number, { hoursAgo = 48 } = {}): Promise<number[]> {
  return addRows(database, count, 'null', hoursAgo, 'event_outbox');
}

async function addRows(
  database: TestDatabase,
  count: number,
  publishedAt: string,
  hoursAgo: number,
  table: string,
): Promise<number[]> {
  const rows = await database.query<{ seq: string }>(
    `insert into ${table} (xid, id, lane, aggregate_type, aggregate_id, event_type, topic, event_key, event_data, created_at, published_at)
     select pg_current_xact_id()::text::bigint, gen_random_uuid(), n % 64, 'item', n, 'ItemChanged', 'items', n, '{"n":1}',
            now() - make_interval(hours => $2), ${publishedAt}
     from generate_series(1, $1) n
     returning seq`,
    [count, hoursAgo],
  );
  return rows.map(({ seq }) => Number(seq)).sort((a, b) => a - b);
}

/** Adds dead letters that died so many days ago. */
export async function addDeadLetters(
  database: TestDatabase,
  seqs: readonly number[],
  { daysAgo, holdsKey = false }: { daysAgo: number; holdsKey?: boolean },
): Promise<void> {
  await database.query(
    `insert into event_outbox_dead_letter (seq, id, lane, aggregate_type, aggregate_id, event_type, topic, event_key, event_data,
                                           created_at, attempts, reason, died_at, holds_key)
     select seq, gen_random_uuid(), seq % 64, 'item', seq, 'ItemChanged', 'items', seq, '{}', now() - make_interval(days => $2), 6, 'no',
            now() - make_interval(days => $2), $3
     from unnest($1::bigint[]) seq`,
    [seqs, daysAgo, holdsKey],
  );
}

/** The `seq` of all rows that are there, from the lowest on. */
export async function seqsOf(database: TestDatabase, table = 'event_outbox'): Promise<number[]> {
  return (await database.query<{ seq: string }>(`select seq from ${table} order by seq`)).map(({ seq }) => Number(seq));
}

export interface LoggedStatement {
  readonly sql: string;
  readonly parameters: unknown[];
}

/** Keeps the statements of the upkeep that a data source runs; give it to TypeORM together with `logging: ['query']`. */
export class UpkeepStatements implements Logger {
  readonly all: LoggedStatement[] = [];

  logQuery(sql: string, parameters: unknown[] = []): void {
    if (sql.includes('pg_try_advisory_xact_lock')) {
      this.all.push({ sql, parameters });
    }
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
