import type { DataSource, QueryRunner } from 'typeorm';
import { withTimeLimit } from '../time/time-limit';

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
  const client = (await connected(runner)) as { connection?: { stream?: { destroy(): void } } };
  // The pending statement then fails as with any lost connection, and the pool drops the client.
  const limit = setTimeout(() => client.connection?.stream?.destroy(), LIMIT_MS);
  try {
    return await work(runner);
  } finally {
    clearTimeout(limit);
    await runner.release();
  }
}

/** A pool without a free connection, or a server that takes the call and says nothing, would keep the relay waiting for ever. */
function connected(runner: QueryRunner): Promise<unknown> {
  const connecting = runner.connect() as Promise<unknown>;
  const giveUp = (): never => {
    // Not before: TypeORM takes a runner for released that has no connection yet, never gives back the one that it then gets, and loops without end
    // over such runners when the data source is closed.
    connecting.then(() => runner.release()).catch(() => undefined);
    throw new Error(`no connection to the database could be had within ${LIMIT_MS / 1000} s`);
  };
  // The process may end: at shutdown nobody waits for a pool that gives no connection.
  return withTimeLimit(LIMIT_MS, connecting, giveUp, true);
}

async function onConnection<T>(dataSource: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    return await work(runner);
  } finally {
    await runner.release();
  }
}
