import { QueryFailedError, type QueryRunner } from 'typeorm';
import { errorOf } from '../errors/error-of';
import { DEADLOCK_DETECTED } from '../errors/sql-state';
import { OutboxTransactionAbortedError } from '../errors/transaction.errors';

/** What is to happen around the statements of a runner. */
export interface StatementWatch {
  /** Before each statement; throws if it must not run. */
  assertMayRun(): void;
  /** The statement that ends the innermost frame is about to be sent. */
  ending(): void;
  /** COMMIT was sent, and no answer of the server has come. */
  uncertain(): void;
  /** Whether the transaction has locked ordering keys. */
  holdsKeys(): boolean;
}

type Broadcast = (
  ...args: [result: unknown, query: string, parameters: unknown, success: boolean, time: unknown, raw: unknown]
) => void;

/** TypeORM's own statements, as it writes them. */
const CONTROL = /^(START TRANSACTION|SET TRANSACTION|SAVEPOINT typeorm_|RELEASE SAVEPOINT typeorm_|ROLLBACK|COMMIT)/;
const ENDING = /^(COMMIT$|RELEASE SAVEPOINT typeorm_)/;

const DEADLOCK_HINT =
  ' This transaction has added events, and so holds their ordering keys until it ends: another one has taken the same rows and keys in ' +
  'the opposite order. Add events last, after all rows are written, and several events with one addEvents.';

/** Watches the statements of one runner (this instance, not its prototype). */
export function watchStatements(runner: QueryRunner, watch: StatementWatch): void {
  const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
  const commitTag = watchCommitTag(runner);
  watchDelays(runner, watch);

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
        watch.assertMayRun();
      } else if (ENDING.test(sql)) {
        watch.ending();
      }
    } catch (error) {
      return Promise.reject(errorOf(error));
    }
    const result = query(...args);
    if (sql === 'COMMIT') {
      return result.then(committed, (error: unknown) => {
        if (!isAnswer(error)) {
          watch.uncertain();
        }
        throw error;
      });
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

/**
 * Asks again after subscribers have had their turn: one that takes its time before a statement lets the end of the transaction overtake it.
 */
function watchDelays(runner: QueryRunner, watch: StatementWatch): void {
  const { broadcaster } = runner as unknown as { broadcaster: { broadcast: (...args: unknown[]) => Promise<void> } };
  const broadcast = broadcaster.broadcast.bind(broadcaster);
  broadcaster.broadcast = (...args) => {
    const [event, sql] = args;
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- TypeORM 1.x renamed it to `dataSource`, which 0.3 does not have
    if (event !== 'BeforeQuery' || runner.connection.subscribers.length === 0 || CONTROL.test(String(sql))) {
      return broadcast(...args);
    }
    return broadcast(...args).then(() => {
      watch.assertMayRun();
    });
  };
}

/** Whether the server has answered with an error that leaves no doubt; a connection that ends does not. */
function isAnswer(error: unknown): boolean {
  return error instanceof QueryFailedError && (error.driverError as { severity?: string }).severity === 'ERROR';
}

function isDeadlock(error: unknown): error is QueryFailedError {
  return error instanceof QueryFailedError && (error.driverError as { code?: string }).code === DEADLOCK_DETECTED;
}
