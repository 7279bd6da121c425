import type { DataSource, QueryRunner } from 'typeorm';
import { connectWithinLimit, cut } from './connect-within-limit';

export interface StatementResult<Row> {
  readonly rows: readonly Row[];
  /** Rows changed or returned. */
  readonly count: number;
}

/**
 * Longest that a statement of the relay may take. A connection can fall silent without an end (a failover, a lost NAT entry); the relay would wait
 * for it for ever.
 */
const LIMIT_MS = 15_000;

/** Runs one statement, on a runner's connection or on one of the pool. TypeORM's plain result has another shape for each command. */
export async function runStatement<Row = never>(
  target: DataSource | QueryRunner,
  sql: string,
  parameters: readonly unknown[],
): Promise<StatementResult<Row>> {
  if ('createQueryRunner' in target) {
    return onConnection(target, (runner) => runStatement<Row>(runner, sql, parameters));
  }
  const result = await target.query(sql, [...parameters], true);
  return { rows: result.records as Row[], count: result.affected ?? 0 };
}

/** The same on a connection of the pool, which is closed if the statement takes longer than {@link LIMIT_MS}. */
export function runWithinLimit<Row = never>(
  dataSource: DataSource,
  sql: string,
  parameters: readonly unknown[],
): Promise<StatementResult<Row>> {
  return withinLimit(dataSource, (runner) => runStatement<Row>(runner, sql, parameters));
}

/** Does something with a connection of the pool, which is closed if that takes longer than {@link LIMIT_MS}. */
export async function withinLimit<T>(dataSource: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  const client = await connectWithinLimit(dataSource, runner);
  const limit = setTimeout(() => cut(client), LIMIT_MS);
  try {
    return await work(runner);
  } finally {
    clearTimeout(limit);
    await runner.release();
  }
}

async function onConnection<T>(dataSource: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    return await work(runner);
  } finally {
    await runner.release();
  }
}
