import type { QueryRunner } from 'typeorm';
import type { ClaimResult, MessageKey } from '../../../../lib/store/claim-messages';
import { TestingTransactions } from '../../../../lib/testing/testing-transactions';

/** Transactions without a database, each with the same runner. */
class RunnerTransactions extends TestingTransactions {
  readonly runner = { name: 'the runner' } as unknown as QueryRunner;

  runnerOf(_transaction: undefined): QueryRunner {
    return this.runner;
  }
}

/** The table of handled messages, in memory: what a transaction claims is free again if that fails. */
export class InMemoryInbox {
  readonly transactions = new RunnerTransactions('default');
  /** `consumer id replay` of what was handled. */
  readonly handled = new Set<string>();

  readonly claim = jest.fn(
    (_runner: QueryRunner, consumer: string, key: MessageKey, _waits: boolean): Promise<ClaimResult> =>
      Promise.resolve(this.takes(consumer, key) ? 'claimed' : 'known'),
  );

  readonly claimAll = jest.fn(
    (_runner: QueryRunner, consumer: string, keys: readonly MessageKey[]): Promise<readonly MessageKey[]> =>
      Promise.resolve(keys.filter((key) => this.takes(consumer, key))),
  );

  private takes(consumer: string, { messageId, replayId }: MessageKey): boolean {
    const name = [consumer, messageId, replayId].join(' ').trimEnd();
    if (this.handled.has(name)) {
      return false;
    }
    this.handled.add(name);
    this.transactions.afterRollback(() => this.handled.delete(name));
    return true;
  }
}
