import { QueryFailedError, type QueryRunner } from 'typeorm';
import { InboxMessageBusyError, InboxMessageIdMissingError } from '../errors/inbox.errors';
import { messageOf } from '../errors/message-of';
import { DEADLOCK_DETECTED, SERIALIZATION_FAILURE } from '../errors/sql-state';
import { OutboxDeadlockError } from '../errors/transaction.errors';
import type { InboxMessage, InboxOutcome } from '../interfaces/inbox-message';
import type { ClaimResult, MessageKey } from '../store/claim-messages';
import type { OutboxTransactions } from '../transaction/outbox-transactions';
import type { FailedMessages } from './failed-messages';
import { isForAnother, keyOf, keyOfPlace } from './message-key';
import { placeOf } from './read-message';
import type { ResolvedConsumer } from './resolve-consumer';

/** What handling a message works with. */
export interface HandlingParts {
  readonly transactions: OutboxTransactions & { runnerOf(transaction: undefined): QueryRunner };
  readonly claim: (runner: QueryRunner, consumer: string, key: MessageKey, waits: boolean) => Promise<ClaimResult>;
  readonly failures: Pick<FailedMessages, 'note'>;
  /** Takes note of a message that was handled, after the commit. */
  readonly processed: (consumer: string, messages: readonly InboxMessage[]) => void;
  readonly skipped: (consumer: string, count: number) => void;
  /** Of a failure that could not be counted. */
  readonly warn: (text: string) => void;
}

/** Records the message's id and runs the handler in one transaction, or neither. */
export class MessageHandling {
  constructor(private readonly parts: HandlingParts) {}

  async run<T>(
    message: InboxMessage,
    handler: () => T | Promise<T>,
    consumer: ResolvedConsumer,
  ): Promise<InboxOutcome<T>> {
    if (isForAnother(message, consumer)) {
      this.parts.skipped(consumer.consumer, 1);
      return { status: 'skipped' };
    }
    const { key, fault } = knownBy(message, consumer);
    const { transactions } = this.parts;
    let isClaimed = false;
    try {
      // A savepoint inside a transaction: if that goes on in spite of the failure, the message must not count as handled.
      return await transactions.run<InboxOutcome<T>>(
        async () => {
          if (!(await this.claim(message, key, consumer))) {
            return { status: 'skipped' };
          }
          isClaimed = true;
          if (fault !== undefined) {
            throw fault;
          }
          const result = await handler();
          transactions.afterCommit(() => {
            this.parts.processed(consumer.consumer, [message]);
          });
          return { status: 'processed', result };
        },
        { propagation: 'NESTED' },
      );
    } catch (error) {
      // What fails before is not the message's fault.
      if (!isClaimed) {
        throw error;
      }
      return await this.failed(message, key ?? keyOfPlace(message), error, consumer);
    }
  }

  /** Counts the attempt. @throws the error, unless the message is given up */
  private async failed<T>(
    message: InboxMessage,
    key: MessageKey,
    error: unknown,
    consumer: ResolvedConsumer,
  ): Promise<InboxOutcome<T>> {
    if (this.parts.transactions.active) {
      this.countLater(message, key, error, consumer);
      throw error;
    }
    const outcome = await this.count(message, key, error, consumer);
    switch (outcome) {
      case 'again':
        throw error;
      case 'handled':
        this.parts.skipped(consumer.consumer, 1);
        return { status: 'skipped' };
      default:
        return { status: outcome, error };
    }
  }

  private async claim(message: InboxMessage, key: MessageKey | null, consumer: ResolvedConsumer): Promise<boolean> {
    const { transactions, claim, skipped } = this.parts;
    if (key === null) {
      return true;
    }
    const runner = transactions.runnerOf(undefined);
    const result = await claim(runner, consumer.consumer, key, consumer.whileBusy === 'wait');
    if (result === 'busy') {
      throw new InboxMessageBusyError(placeOf(message));
    }
    if (result === 'known') {
      skipped(consumer.consumer, 1);
    }
    return result === 'claimed';
  }

  private async count(
    message: InboxMessage,
    key: MessageKey,
    error: unknown,
    consumer: ResolvedConsumer,
  ): Promise<Awaited<ReturnType<FailedMessages['note']>>> {
    const counts = error instanceof InboxMessageIdMissingError || consumer.countsAsAttempt(error);
    if (!counts || isOfBadLuck(error)) {
      return 'again';
    }
    try {
      return await this.parts.failures.note(message, key, error, consumer);
    } catch (uncounted) {
      // Most likely it failed for the same reason, an outage of the database: then it is not the message's fault.
      this.parts.warn(
        `A failed attempt at the message at ${placeOf(message)} could not be counted: ${messageOf(uncounted)}.`,
      );
      return 'again';
    }
  }

  /** When the transaction around has ended, however: until then its connection is not free. */
  private countLater(message: InboxMessage, key: MessageKey, error: unknown, consumer: ResolvedConsumer): void {
    const { transactions } = this.parts;
    const countNow = (): Promise<unknown> => this.count(message, key, error, consumer);
    transactions.afterCommit(countNow);
    transactions.afterRollback(countNow);
  }
}

/** Of an error, one behind the other; they may go round in a circle. */
const MOST_CAUSES = 8;

/** Another transaction was in the way, also where the handler has put that into an error of its own: that is no message's fault. */
function isOfBadLuck(error: unknown, depth = 0): boolean {
  const { code } = (error instanceof QueryFailedError ? error.driverError : {}) as { code?: unknown };
  return (
    error instanceof OutboxDeadlockError ||
    code === SERIALIZATION_FAILURE ||
    code === DEADLOCK_DETECTED ||
    (error instanceof Error && depth < MOST_CAUSES && isOfBadLuck(error.cause, depth + 1))
  );
}

/** One that needs an id and has none is known by its place, so that it is skipped when it was given up; and it is at fault. */
function knownBy(
  message: InboxMessage,
  consumer: ResolvedConsumer,
): { key: MessageKey | null; fault?: InboxMessageIdMissingError } {
  try {
    return { key: keyOf(message, consumer) };
  } catch (error) {
    if (!(error instanceof InboxMessageIdMissingError)) {
      throw error;
    }
    return { key: keyOfPlace(message), fault: error };
  }
}
