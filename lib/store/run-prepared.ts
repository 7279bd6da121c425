import { createHash } from 'node:crypto';
import { QueryFailedError, QueryRunnerAlreadyReleasedError, type QueryRunner } from 'typeorm';

/** What is used of node-postgres' client. */
interface PgClient {
  query(statement: { name: string; text: string; values: unknown[] }): Promise<{ rows: unknown[] }>;
}

/** A statement whose text stands once; its name follows from the text, so that two texts never share one. */
export interface PreparedStatement {
  readonly name: string;
  readonly text: string;
}

export function prepared(text: string): PreparedStatement {
  return { name: `outbox_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`, text };
}

/**
 * Runs a statement that PostgreSQL parses and plans once for each connection, which TypeORM cannot ask for: adding an event took 0.65 ms planned
 * each time and 0.34 ms prepared (an ordinary INSERT of the same row: 0.49 ms). Logged and failing as with TypeORM; its
 * subscribers to single queries do not see it.
 */
export async function runPrepared<Row = never>(
  runner: QueryRunner,
  { name, text }: PreparedStatement,
  values: unknown[],
): Promise<readonly Row[]> {
  if (runner.isReleased) {
    throw new QueryRunnerAlreadyReleasedError();
  }
  const client = (await runner.connect()) as PgClient;
  const { rows } = await asQuery(runner, text, values, () => client.query({ name, text, values }));
  return rows as Row[];
}

/** Logs what is done past TypeORM as a query of its own, and lets it fail as one. */
export async function asQuery<T>(
  runner: QueryRunner,
  text: string,
  values: unknown[],
  run: () => Promise<T>,
): Promise<T> {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- TypeORM 1.x renamed it to `dataSource`, which 0.3 does not have
  const { logger } = runner.connection;
  logger.logQuery(text, values, runner);
  try {
    return await run();
  } catch (error) {
    logger.logQueryError(error as Error, text, values, runner);
    throw new QueryFailedError(text, values, error as Error);
  }
}
