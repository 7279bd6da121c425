import type { EntityManager, QueryRunner } from 'typeorm';
import type { OutboxTransactionOptions } from './propagation';
import type { TransactionHook } from './transaction-frame';

/** A transaction that was begun by hand: by its query runner, or its entity manager. */
export type OutboxTransaction = { readonly queryRunner: QueryRunner } | { readonly manager: EntityManager };

/**
 * The transactions of a data source, for what `@Outboxed` does not reach. Inject it by this class (of another data source:
 * `@InjectTransactions('name')`).
 */
export abstract class OutboxTransactions {
  /** Whether the calling code runs in a transaction. */
  abstract readonly active: boolean;

  /**
   * Runs `work` in a transaction, as a method with `@Outboxed(options)` would run.
   *
   * @throws OutboxTransactionRequiredError for `MANDATORY` outside a transaction
   * @throws OutboxIsolationMismatchError if the transaction to join has another isolation level
   * @throws OutboxTransactionAbortedError if PostgreSQL rolled it back, as a failed statement had gone unnoticed
   */
  abstract run<T>(work: () => Promise<T>, options?: OutboxTransactionOptions): Promise<T>;

  /**
   * Runs `work` with a hand-made transaction as the current one: repositories and `addEvent` inside join it. To begin and to end it stays with
   * the caller.
   *
   * @throws OutboxTransactionRequiredError if no transaction is open on it
   * @throws OutboxForeignTransactionError if it belongs to another data source
   */
  abstract bind<T>(transaction: OutboxTransaction, work: () => Promise<T>): Promise<T>;

  /**
   * Calls `hook` once, after the current transaction has committed; never if it, or the savepoint that the calling code runs in, is rolled
   * back. The commit stands whatever the hook does: if it fails, that is logged. Nobody waits for it.
   *
   * @throws OutboxTransactionRequiredError outside a transaction
   */
  abstract afterCommit(hook: TransactionHook): void;

  /**
   * Calls `hook` once, after the current transaction, or the savepoint that the calling code runs in, was rolled back. If it fails, that is
   * logged. Nobody waits for it.
   *
   * @throws OutboxTransactionRequiredError outside a transaction
   */
  abstract afterRollback(hook: TransactionHook): void;
}
