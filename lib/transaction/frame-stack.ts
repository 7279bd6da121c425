import type { QueryRunner } from 'typeorm';
import type { OverlapKind } from '../errors/transaction.errors';
import { withTimeLimit } from '../time/time-limit';
import { watchStatements, type StatementWatch } from './statement-watch';
import { TransactionFrame, type TransactionHook } from './transaction-frame';

/** Longest wait for a transaction that nobody has ended. */
const LONGEST_ROLLBACK_MS = 1000;

/** What a stack of frames needs to know of the data source it belongs to. */
export interface FrameStackHost {
  /** The frame that the calling code runs in, open or not. */
  callingFrame(): TransactionFrame | undefined;
  assertOpen(frame: TransactionFrame): void;
  /** Runs `work` in no frame. */
  outside<T>(work: () => T): T;
  refuseOverlap(what: OverlapKind): never;
  callHooks(hooks: Iterable<TransactionHook>): void;
}

/** TypeORM's runner for PostgreSQL; with an error, the pool closes the connection. */
interface PostgresRunner {
  releasePostgresConnection(error: unknown): Promise<void>;
}

/**
 * The open transaction and savepoints of one runner, kept in step by watching the runner's own methods (of this instance, never
 * of its prototype). So it does not matter who begins and ends them: the entity manager, another library, or hand-written code.
 */
export class FrameStack implements StatementWatch {
  private readonly frames: TransactionFrame[] = [];
  /** The transaction that ended last, until another begins. */
  private last: TransactionFrame | undefined;
  private isManaged = false;
  /** TypeORM is beginning or ending a transaction; statements in this time are its own, or those of subscribers. */
  private controlling = false;
  /** An entity manager is about to set a savepoint, and to run code in it. */
  private entersNext = false;
  /** Such a savepoint is being set. */
  private entering = false;
  /** The savepoint that an entity manager is about to roll back is not there: it was never set, or is released already. */
  private hasNothingToRollBack = false;

  constructor(
    private readonly runner: QueryRunner,
    private readonly host: FrameStackHost,
  ) {
    this.openTo(this.depth, undefined);
    this.watchTransactions();
    watchStatements(runner, this);
  }

  /**
   * To be called when the code of a frame has ended well, and the frame is to be.
   *
   * @throws OutboxSavepointOverlapError if a savepoint in it is still open
   * @throws OutboxTransactionEndedError if it has ended already; to end it again would end the one around it
   */
  assertInnermost(frame: TransactionFrame): void {
    this.host.assertOpen(frame);
    if (this.top !== frame) {
      this.host.refuseOverlap('end');
    }
  }

  get top(): TransactionFrame | undefined {
    return this.frames.at(-1);
  }

  /** The runner serves one transaction alone, as `dataSource.transaction` has made it: nothing may run on it afterwards. */
  managed(): void {
    this.isManaged = true;
  }

  /** Calls an entity manager's `transaction`, which begins with `startTransaction`: the savepoint is that of the code that it is given. */
  enter<T>(transaction: () => T): T {
    this.entersNext = true;
    try {
      return transaction();
    } finally {
      this.entersNext = false;
    }
  }

  ending(): void {
    this.top?.end();
  }

  uncertain(): void {
    this.top?.leaveUncertain();
  }

  holdsKeys(): boolean {
    return this.top?.holdsKeys === true;
  }

  private watchTransactions(): void {
    const { runner } = this;
    const start = runner.startTransaction.bind(runner);
    const commit = runner.commitTransaction.bind(runner);
    const rollback = runner.rollbackTransaction.bind(runner);
    const release = runner.release.bind(runner);

    // In each case a subscriber's hook may fail after the statement has succeeded: then TypeORM throws although the transaction was
    // begun or ended. So not the outcome of the call decides, but the depth that TypeORM keeps, which follows the statements.
    runner.startTransaction = async (isolationLevel) => {
      this.assertMayRun();
      const isEntered = this.entersNext && this.frames.length > 0;
      this.entersNext = false;
      this.entering = isEntered;
      await this.control(async () => {
        try {
          await start(isolationLevel);
        } catch (error) {
          this.hasNothingToRollBack = isEntered && this.depth === this.frames.length;
          // TypeORM takes the whole transaction for ended where a subscriber has refused the savepoint.
          Object.assign(runner, { isTransactionActive: runner.isTransactionActive || this.frames.length > 0 });
          throw error;
        } finally {
          this.entering = false;
          this.openTo(this.depth, isolationLevel, isEntered);
        }
      });
    };
    runner.commitTransaction = () =>
      this.control(async () => {
        if (this.depth > this.frames.length) {
          // The rollback of a savepoint has failed: TypeORM would release that, and take it for the commit.
          this.host.refuseOverlap('end');
        }
        const isEntered = this.top?.isEntered === true;
        try {
          await commit();
        } catch (error) {
          this.hasNothingToRollBack = isEntered && this.depth < this.frames.length;
          throw error;
        } finally {
          this.closeTo(this.depth, (frame) => frame.commit());
        }
      });
    // An entity manager rolls back whenever beginning or committing has failed, also where nothing was begun or all is committed; with a
    // savepoint that would hit the one around it.
    runner.rollbackTransaction = () =>
      this.control(async () => {
        if (this.hasNothingToRollBack) {
          this.hasNothingToRollBack = false;
          return;
        }
        const failed = this.frames.length - 1;
        this.top?.end();
        try {
          await rollback();
        } finally {
          // Also where ROLLBACK could not be sent: the connection is gone, and the transaction with it.
          this.closeTo(Math.min(this.depth, failed), (frame) => frame.rollback());
        }
      });
    runner.release = async () => {
      try {
        await this.abandon();
        await release();
      } finally {
        this.closeTo(0, (frame) => frame.rollback());
      }
    };
  }

  /**
   * A transaction that is still open must not go back to the pool with its connection. TypeORM itself lets that happen: it ends the innermost
   * savepoint in the place of the transaction, if code that nobody has waited for has one open.
   *
   * Not without a limit: a connection that has fallen silent gives no answer, and closing the data source waits for each runner to be released.
   */
  private async abandon(): Promise<void> {
    const [transaction] = this.frames;
    if (this.runner.isReleased || (transaction === undefined && !this.runner.isTransactionActive)) {
      return;
    }
    transaction?.end();
    try {
      await withTimeLimit(LONGEST_ROLLBACK_MS, this.runner.query('ROLLBACK'), () => {
        throw new Error(`no answer to ROLLBACK within ${LONGEST_ROLLBACK_MS / 1000} s`);
      });
    } catch (error) {
      // Unless the connection is gone it still holds the transaction, and whoever got it next would commit that with his own: so it is closed.
      await (this.runner as unknown as PostgresRunner).releasePostgresConnection(error);
    }
  }

  /** Outside of any frame: what subscribers do in this time is not the code of the transaction that is being ended. */
  private async control(work: () => Promise<void>): Promise<void> {
    this.controlling = true;
    try {
      await this.host.outside(work);
    } finally {
      this.controlling = false;
    }
  }

  /**
   * @throws OutboxTransactionEndedError if the statement comes from code whose transaction is over
   * @throws OutboxSavepointOverlapError if it comes from outside of a savepoint that is open, and would be rolled back with it
   */
  assertMayRun(): void {
    const calling = this.host.callingFrame();
    if (calling?.queryRunner === this.runner) {
      this.host.assertOpen(calling);
      if (this.entering || (this.top !== calling && this.top?.isEntered === true)) {
        this.host.refuseOverlap('statement');
      }
    } else if (this.isManaged && !this.controlling) {
      const served = this.frames[0] ?? this.last;
      if (served !== undefined) {
        this.host.assertOpen(served);
      }
    }
  }

  /** @throws OutboxTransactionEndedError also if the transaction is just being ended, whoever asks */
  assertMayAdd(): void {
    this.assertMayRun();
    if (this.top !== undefined) {
      this.host.assertOpen(this.top);
    }
  }

  /** How many of transaction and savepoints are open, as TypeORM knows it. */
  private get depth(): number {
    return Math.max(0, (this.runner as unknown as { transactionDepth: number }).transactionDepth);
  }

  private openTo(depth: number, isolationLevel: string | undefined, isEntered = false): void {
    while (this.frames.length < depth) {
      this.last = undefined;
      this.frames.push(new TransactionFrame(this.runner, this.top, isolationLevel, isEntered));
    }
  }

  private closeTo(depth: number, close: (frame: TransactionFrame) => Iterable<TransactionHook>): void {
    while (this.frames.length > Math.max(0, depth)) {
      const frame = this.frames.pop() as TransactionFrame;
      this.last = frame;
      this.host.callHooks(close(frame));
    }
  }
}
