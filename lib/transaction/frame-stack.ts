import type { QueryRunner } from 'typeorm';
import { TransactionFrame } from './transaction-frame';

/**
 * The open transaction and savepoints of one runner, kept in step by watching the runner's own methods (of this instance, never
 * of its prototype). So it does not matter who begins and ends them: the entity manager, another library, or hand-written code.
 */
export class FrameStack {
  private readonly frames: TransactionFrame[] = [];

  constructor(
    private readonly runner: QueryRunner,
    private readonly callHooks: (hooks: Iterable<() => void>) => void,
  ) {
    this.watch();
  }

  get top(): TransactionFrame | undefined {
    return this.frames.at(-1);
  }

  private watch(): void {
    const { runner } = this;
    const start = runner.startTransaction.bind(runner);
    const commit = runner.commitTransaction.bind(runner);
    const rollback = runner.rollbackTransaction.bind(runner);
    const release = runner.release.bind(runner);

    // In each case a subscriber's hook may fail after the statement has succeeded: then TypeORM throws although the transaction was
    // begun or ended. So not the outcome of the call decides, but the depth that TypeORM keeps, which follows the statements.
    runner.startTransaction = async (isolationLevel) => {
      try {
        await start(isolationLevel);
      } finally {
        while (this.frames.length < this.depth) {
          this.frames.push(new TransactionFrame(runner, this.top));
        }
      }
    };
    runner.commitTransaction = async () => {
      try {
        await commit();
      } finally {
        this.closeTo(this.depth, (frame) => this.callHooks(frame.commit()));
      }
    };
    runner.rollbackTransaction = async () => {
      const failed = this.frames.length - 1;
      try {
        await rollback();
      } finally {
        // Also where ROLLBACK could not be sent: the connection is gone, and the transaction with it.
        this.closeTo(Math.min(this.depth, failed), (frame) => frame.rollback());
      }
    };
    runner.release = async () => {
      try {
        await release();
      } finally {
        this.closeTo(0, (frame) => frame.rollback());
      }
    };
  }

  /** How many of transaction and savepoints are open, as TypeORM knows it. */
  private get depth(): number {
    return Math.max(0, (this.runner as unknown as { transactionDepth: number }).transactionDepth);
  }

  private closeTo(depth: number, close: (frame: TransactionFrame) => void): void {
    while (this.frames.length > Math.max(0, depth)) {
      close(this.frames.pop() as TransactionFrame);
    }
  }
}
