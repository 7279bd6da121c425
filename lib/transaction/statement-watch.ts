import { QueryFailedError, type QueryRunner } from 'typeorm';
import { OutboxTransactionAbortedError } from '../errors/transaction.errors';

/** What is to happen around the statements of a runner. */
export interface StatementWatch {
  /** Before each statement; throws if it must not run. */
  before(): void;
  /** The statement that ends the innermost frame is about to be sent. */
  ending(): void;
  /** Whether the transaction has locked ordering keys. */
  holdsKeys(): boolean;
}

type Broadcast = (
  ...args: [result: unknown, query: string, parameters: unknown, success: boolean, time: unknown, raw: unknown]
) => void;

/** TypeORM's own statements, as it writes them. */
const CONTROL = /^(START TRANSACTION|SET TRANSACTION|SAVEPOINT typeorm_|RELEASE SAVEPOINT typeorm_|ROLLBACK|COMMIT)/;
const ENDING = /^(COMMIT$|RELEASE SAVEPOINT typeorm_)/;

const DEADLOCK_DETECTED = '40P01';

const DEADLOCK_HINT =
  ' This transaction has added events, and so holds their ordering keys until it ends: another one has taken the same rows and keys in ' +
  'the opposite order. Add events last, after all rows are written, and several events with one addEvents.';

/** Watches the statements of one runner (this instance, not its prototype). */
export function watchStatements(runner: QueryRunner, watch: StatementWatch): void {
  const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
  const commitTag = watchCommitTag(runner);

  const failed = (error: unknown): never => {
    if (isDeadlock(error)) {
      error.message += `.${DEADLOCK_HINT}`;
    }
    throw error;
  };
  const committed = (result: unknown): unknown => {
    if (commitTag() === 'ROLLBACK') {
      throw new OutboxTransactionAbortedError();
    }
    return result;
  };
  // Every statement of the data source comes through here: without a promise more than is needed.
  const watched = (...args: unknown[]): Promise<unknown> => {
    const sql = String(args[0]);
    try {
      if (!CONTROL.test(sql)) {
        watch.before();
      } else if (ENDING.test(sql)) {
        watch.ending();
      }
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    const result = query(...args);
    if (sql === 'COMMIT') {
      return result.then(committed);
    }
    return watch.holdsKeys() ? result.catch(failed) : result;
  };
  runner.query = watched as QueryRunner['query'];
}

/**
 * PostgreSQL answers COMMIT in an aborted transaction with the command tag ROLLBACK, and without an error. TypeORM's result leaves the tag
 * out, but its event after each statement has it.
 */
function watchCommitTag(runner: QueryRunner): () => string | undefined {
  const { broadcaster } = runner as unknown as { broadcaster: { broadcastAfterQueryEvent: Broadcast } };
  const broadcast = broadcaster.broadcastAfterQueryEvent.bind(broadcaster);
  let tag: string | undefined;
  broadcaster.broadcastAfterQueryEvent = (...args) => {
    const [, sql, , , , raw] = args;
    if (sql === 'COMMIT') {
      tag = (raw as { command?: string } | undefined)?.command;
    }
    broadcast(...args);
  };
  return () => tag;
}

function isDeadlock(error: unknown): error is QueryFailedError {
  return error instanceof QueryFailedError && (error.driverError as { code?: string }).code === DEADLOCK_DETECTED;
}
