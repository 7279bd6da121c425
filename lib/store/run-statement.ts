import { DataSource, type QueryRunner } from 'typeorm';

export interface StatementResult<Row> {
  readonly rows: readonly Row[];
  /** Rows changed or returned. */
  readonly count: number;
}

/** Runs one statement, on a runner's connection or on one of the pool. TypeORM's plain result has another shape for each command. */
export async function runStatement<Row = never>(
  target: DataSource | QueryRunner,
  sql: string,
  parameters: readonly unknown[],
): Promise<StatementResult<Row>> {
  if (!(target instanceof DataSource)) {
    const result = await target.query(sql, [...parameters], true);
    return { rows: result.records as Row[], count: result.affected ?? 0 };
  }
  const runner = target.createQueryRunner();
  try {
    return await runStatement<Row>(runner, sql, parameters);
  } finally {
    await runner.release();
  }
}
