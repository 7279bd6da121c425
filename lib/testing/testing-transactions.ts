import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { OutboxTransactionRequiredError } from '../errors/transaction.errors';
import { callHooks } from '../transaction/call-hooks';
import { OutboxTransactions, type OutboxTransaction } from '../transaction/outbox-transactions';
import type { OutboxTransactionOptions } from '../transaction/propagation';
import type { TransactionHook } from '../transaction/transaction-frame';

interface TestingFrame {
  readonly afterCommit: TransactionHook[];
  readonly afterRollback: TransactionHook[];
}

/**
 * Stands in for the transactions of a data source in unit tests: propagation, hooks and rollback as with the real one, but no database. The
 * isolation level is not looked at.
 */
export class TestingTransactions extends OutboxTransactions {
  private readonly logger = new Logger('Outbox');
  private readonly storage = new AsyncLocalStorage<TestingFrame | undefined>();

  constructor(private readonly dataSourceName: string) {
    super();
  }

  get active(): boolean {
    return this.storage.getStore() !== undefined;
  }

  async run<T>(work: () => Promise<T>, { propagation = 'REQUIRED' }: OutboxTransactionOptions = {}): Promise<T> {
    const current = this.storage.getStore();
    if (current === undefined && propagation === 'MANDATORY') {
      throw new OutboxTransactionRequiredError(this.dataSourceName);
    }
    if (current !== undefined && (propagation === 'REQUIRED' || propagation === 'MANDATORY')) {
      return work();
    }
    return this.begin(work, propagation === 'NESTED' ? current : undefined);
  }

  bind<T>(_transaction: OutboxTransaction, work: () => Promise<T>): Promise<T> {
    return this.run(work);
  }

  afterCommit(hook: TransactionHook): void {
    this.required().afterCommit.push(hook);
  }

  afterRollback(hook: TransactionHook): void {
    this.required().afterRollback.push(hook);
  }

  private required(): TestingFrame {
    const frame = this.storage.getStore();
    if (frame === undefined) {
      throw new OutboxTransactionRequiredError(this.dataSourceName);
    }
    return frame;
  }

  private async begin<T>(work: () => Promise<T>, enclosing: TestingFrame | undefined): Promise<T> {
    const frame: TestingFrame = { afterCommit: [], afterRollback: [] };
    let result: T;
    try {
      result = await this.storage.run(frame, work);
    } catch (error) {
      this.call(frame.afterRollback);
      throw error;
    }
    if (enclosing === undefined) {
      this.call(frame.afterCommit);
    } else {
      enclosing.afterCommit.push(...frame.afterCommit);
      enclosing.afterRollback.push(...frame.afterRollback);
    }
    return result;
  }

  private call(hooks: readonly TransactionHook[]): void {
    this.storage.run(undefined, () => {
      callHooks(hooks, this.logger);
    });
  }
}
