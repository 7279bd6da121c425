import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { OutboxTransactionEndedError } from '../errors/transaction.errors';
import { FrameStack } from './frame-stack';
import { joinedQueryRunner } from './joined-query-runner';
import type { TransactionFrame } from './transaction-frame';

const contextOfDataSource = Symbol('nestjs-outboxed.transaction-context');

type Enlisted = DataSource & { [contextOfDataSource]?: TransactionContext };

/**
 * Knows the current transaction of one data source, by wrapping methods of that one object: `createQueryRunner`, from which all
 * statements without a runner of their own get theirs, and `transaction` of the entity managers that it makes.
 */
export class TransactionContext {
  /** The context of a data source, which is wrapped at the first call; it is kept on the data source and ends with it. */
  static of(dataSource: DataSource, name: string): TransactionContext {
    const enlisted = dataSource as Enlisted;
    if (enlisted[contextOfDataSource] === undefined) {
      const context = new TransactionContext(dataSource, name);
      Object.defineProperty(enlisted, contextOfDataSource, { value: context });
      context.wrap();
    }
    return enlisted[contextOfDataSource] as TransactionContext;
  }

  private readonly logger = new Logger('Outbox');
  private readonly storage = new AsyncLocalStorage<TransactionFrame | undefined>();
  private readonly stacks = new WeakMap<QueryRunner, FrameStack>();

  private constructor(
    private readonly dataSource: DataSource,
    readonly dataSourceName: string,
  ) {}

  /**
   * The transaction or savepoint that the calling code runs in; undefined if there is none.
   *
   * @throws OutboxTransactionEndedError if the calling code has outlived it
   */
  current(): TransactionFrame | undefined {
    const frame = this.storage.getStore();
    if (frame !== undefined) {
      this.assertOpen(frame);
    }
    return frame;
  }

  /** The innermost open frame of a runner that this data source made; undefined if it has none. */
  frameOf(runner: QueryRunner): TransactionFrame | undefined {
    return this.stacks.get(runner)?.top;
  }

  /** Runs `work` in the current transaction, or in a new one if there is none. */
  required<T>(work: () => Promise<T>): Promise<T> {
    return this.current() === undefined ? this.dataSource.manager.transaction(work) : work();
  }

  private readonly assertOpen = (frame: TransactionFrame): void => {
    if (frame.outcome !== undefined) {
      throw new OutboxTransactionEndedError(this.dataSourceName, frame.outcome);
    }
  };

  private wrap(): void {
    const { dataSource } = this;
    const createQueryRunner = dataSource.createQueryRunner.bind(dataSource);
    const createEntityManager = dataSource.createEntityManager.bind(dataSource);
    const openRunner = (mode?: Parameters<DataSource['createQueryRunner']>[0]): QueryRunner => {
      const runner = createQueryRunner(mode);
      this.stacks.set(runner, new FrameStack(runner, this.callHooks));
      return runner;
    };

    dataSource.createQueryRunner = (mode) => {
      const frame = this.current();
      return frame === undefined ? openRunner(mode) : joinedQueryRunner(frame, () => openRunner(mode), this.assertOpen);
    };
    dataSource.createEntityManager = (runner) => this.wrapManager(createEntityManager(runner));
    this.wrapManager(dataSource.manager);
  }

  /** Runs the callback of `manager.transaction` as the code of that transaction. */
  private wrapManager(manager: EntityManager): EntityManager {
    const transaction = manager.transaction.bind(manager) as (...args: unknown[]) => Promise<unknown>;
    const wrapped = (...args: unknown[]): Promise<unknown> => {
      const inTransaction = args.map((arg) =>
        typeof arg === 'function'
          ? (inner: EntityManager): unknown =>
              this.runInside(inner, () => (arg as (m: EntityManager) => unknown)(inner))
          : arg,
      );
      // Outside of the current transaction: where TypeORM opens a connection of its own here, it must not be given the joined one.
      return this.storage.run(undefined, () => transaction(...inTransaction));
    };
    manager.transaction = wrapped;
    return manager;
  }

  private runInside<T>(manager: EntityManager, work: () => T): T {
    const frame = manager.queryRunner && this.frameOf(manager.queryRunner);
    return frame === undefined ? work() : this.storage.run(frame, work);
  }

  /** The commit stands whatever a hook does, so a hook that throws is logged. */
  private readonly callHooks = (hooks: Iterable<() => void>): void => {
    for (const hook of hooks) {
      try {
        hook();
      } catch (error) {
        this.logger.error(`A hook that runs after the commit has failed: ${String(error)}`);
      }
    }
  };
}
