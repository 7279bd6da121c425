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

    runner.startTransaction = async (isolationLevel) => {
      await start(isolationLevel);
      this.frames.push(new TransactionFrame(runner, this.top));
    };
    runner.commitTransaction = async () => {
      const outermost = this.frames.length === 1;
      try {
        await commit();
      } catch (error) {
        // A subscriber's hook may fail after COMMIT has succeeded; TypeORM reports that like a failed commit.
        if (outermost && !runner.isTransactionActive) {
          this.committed();
        }
        throw error;
      }
      this.committed();
    };
    runner.rollbackTransaction = async () => {
      try {
        await rollback();
      } finally {
        this.frames.pop()?.rollback();
      }
    };
    runner.release = async () => {
      try {
        await release();
      } finally {
        while (this.frames.length > 0) {
          this.frames.pop()?.rollback();
        }
      }
    };
  }

  private committed(): void {
    this.callHooks(this.frames.pop()?.commit() ?? []);
  }
}
