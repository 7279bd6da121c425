import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import {
  OutboxForeignTransactionError,
  OutboxSavepointOverlapError,
  OutboxTransactionEndedError,
  OutboxTransactionRequiredError,
  type OverlapKind,
} from '../errors/transaction.errors';
import { callHooks } from './call-hooks';
import { assertIsolation } from './isolation';
import { joinedQueryRunner, realRunner } from './joined-query-runner';
import { OutboxTransactions, type OutboxTransaction } from './outbox-transactions';
import type { OutboxTransactionOptions } from './propagation';
import { RunnerStacks } from './runner-stacks';
import { assertTransactionOptions } from './transaction-option-rules';
import { assertSecondConnection } from './second-connection';
import type { TransactionFrame, TransactionHook } from './transaction-frame';

const contextOfDataSource = Symbol('nestjs-outboxed.transaction-context');

type Enlisted = DataSource & { [contextOfDataSource]?: TransactionContext };

/**
 * Knows the current transaction of one data source, by wrapping methods of that one object: `createQueryRunner`, from which all
 * statements without a runner of their own get theirs, and `transaction` of the entity managers that it makes.
 */
export class TransactionContext extends OutboxTransactions {
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
  private readonly stacks = new RunnerStacks();

  private constructor(
    private readonly dataSource: DataSource,
    readonly dataSourceName: string,
  ) {
    super();
  }

  get active(): boolean {
    const frame = this.storage.getStore();
    return frame !== undefined && frame.outcome === undefined;
  }

  async run<T>(work: () => Promise<T>, options: OutboxTransactionOptions = {}): Promise<T> {
    assertTransactionOptions(options);
    const { propagation = 'REQUIRED', isolationLevel } = options;
    const current = this.current();
    if (current === undefined || propagation === 'REQUIRES_NEW') {
      if (propagation === 'MANDATORY') {
        throw new OutboxTransactionRequiredError(this.dataSourceName, 'Work with propagation MANDATORY can run');
      }
      const { manager } = this.dataSource;
      return isolationLevel === undefined ? manager.transaction(work) : manager.transaction(isolationLevel, work);
    }
    const joined = propagation === 'NESTED' ? (): Promise<T> => current.queryRunner.manager.transaction(work) : work;
    return isolationLevel === undefined
      ? joined()
      : assertIsolation(this.dataSourceName, current, isolationLevel).then(joined);
  }

  async bind<T>(transaction: OutboxTransaction, work: () => Promise<T>): Promise<T> {
    const runner = realRunner(this.runnerOf(transaction));
    this.stacks.watch(runner, this.host);
    return this.storage.run(this.frameOf(runner), work);
  }

  afterCommit(hook: TransactionHook): void {
    this.required().onCommit(hook);
  }

  afterRollback(hook: TransactionHook): void {
    this.required().onRollback(hook);
  }

  /**
   * The transaction or savepoint that the calling code runs in; undefined if there is none.
   *
   * @throws OutboxTransactionEndedError if the calling code has outlived it
   */
  current(): TransactionFrame | undefined {
    const frame = this.storage.getStore();
    if (frame !== undefined) {
      this.host.assertOpen(frame);
    }
    return frame;
  }

  /** The innermost open frame of a runner that this data source made; undefined if it has none. */
  frameOf(runner: QueryRunner): TransactionFrame | undefined {
    return this.stacks.get(realRunner(runner))?.top;
  }

  /**
   * The runner of a transaction that was handed over, or of the current one.
   *
   * @throws OutboxTransactionRequiredError if there is no open transaction
   * @throws OutboxForeignTransactionError if it belongs to another data source
   * @throws OutboxTransactionEndedError if it is just being ended, or the calling code has outlived its savepoint
   */
  runnerOf(transaction: OutboxTransaction | undefined): QueryRunner {
    const given =
      transaction === undefined
        ? this.current()?.queryRunner
        : 'queryRunner' in transaction
          ? transaction.queryRunner
          : transaction.manager.queryRunner;
    const stack = given && this.stacks.get(realRunner(given));
    stack?.assertMayAdd();
    // TypeORM calls it active before START TRANSACTION is sent, and after a release without an end.
    const isOpen = stack === undefined ? given?.isTransactionActive === true : stack.top !== undefined;
    if (given === undefined || !isOpen || given.isReleased) {
      throw new OutboxTransactionRequiredError(this.dataSourceName);
    }
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- TypeORM 1.x renamed it to `dataSource`, which 0.3 does not have
    if (given.connection !== this.dataSource) {
      throw new OutboxForeignTransactionError(this.dataSourceName);
    }
    return given;
  }

  private required(): TransactionFrame {
    const frame = this.current();
    if (frame === undefined) {
      throw new OutboxTransactionRequiredError(
        this.dataSourceName,
        'A hook for the end of a transaction can be registered',
      );
    }
    return frame;
  }

  private readonly host = {
    callingFrame: (): TransactionFrame | undefined => this.storage.getStore(),
    assertOpen: (frame: TransactionFrame): void => {
      if (frame.outcome !== undefined) {
        throw new OutboxTransactionEndedError(this.dataSourceName, frame.outcome);
      }
    },
    refuseOverlap: (what: OverlapKind): never => {
      throw new OutboxSavepointOverlapError(this.dataSourceName, what);
    },
    outside: <T>(work: () => T): T => this.storage.run(undefined, work),
    callHooks: (hooks: Iterable<TransactionHook>): void => {
      this.storage.run(undefined, () => {
        callHooks(hooks, this.logger);
      });
    },
  };

  private wrap(): void {
    const { dataSource } = this;
    const createQueryRunner = dataSource.createQueryRunner.bind(dataSource);
    const createEntityManager = dataSource.createEntityManager.bind(dataSource);
    const openRunner = (mode?: Parameters<DataSource['createQueryRunner']>[0]): QueryRunner => {
      const runner = createQueryRunner(mode);
      this.stacks.watch(runner, this.host);
      return runner;
    };

    dataSource.createQueryRunner = (mode) => {
      const frame = this.current();
      return frame === undefined
        ? openRunner(mode)
        : joinedQueryRunner(
            frame,
            () => {
              assertSecondConnection(dataSource, this.dataSourceName);
              return openRunner(mode);
            },
            this.host.assertOpen,
            (runner) => dataSource.createEntityManager(runner),
          );
    };
    dataSource.createEntityManager = (runner) => this.wrapManager(createEntityManager(runner));
    this.wrapManager(dataSource.manager);
  }

  /** Runs the callback of `manager.transaction` as the code of that transaction. */
  private wrapManager(manager: EntityManager): EntityManager {
    const transaction = manager.transaction.bind(manager) as (...args: unknown[]) => Promise<unknown>;
    const wrapped = async (...args: unknown[]): Promise<unknown> => {
      const independent = manager.queryRunner === undefined;
      const stack = manager.queryRunner && this.stacks.get(manager.queryRunner);
      const current = this.current();
      stack?.assertMayRun();
      if (independent && current !== undefined) {
        assertSecondConnection(this.dataSource, this.dataSourceName);
      }
      const inTransaction = args.map((arg) =>
        typeof arg === 'function'
          ? (inner: EntityManager): unknown => this.runInside(inner, independent, arg as (m: EntityManager) => unknown)
          : arg,
      );
      // Outside of the current transaction: where TypeORM opens a connection of its own here, it must not be given the joined one.
      const begin = (): Promise<unknown> => this.storage.run(undefined, () => transaction(...inTransaction));
      return stack === undefined ? begin() : stack.enter(begin);
    };
    manager.transaction = wrapped;
    return manager;
  }

  private async runInside(
    manager: EntityManager,
    independent: boolean,
    work: (manager: EntityManager) => unknown,
  ): Promise<unknown> {
    const stack = manager.queryRunner && this.stacks.get(realRunner(manager.queryRunner));
    if (independent) {
      stack?.managed();
    }
    const frame = stack?.top;
    if (stack === undefined || frame === undefined) {
      return work(manager);
    }
    const result = await this.storage.run(frame, () => work(manager));
    stack.assertInnermost(frame);
    return result;
  }
}
