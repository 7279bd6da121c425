import { QueryFailedError, type QueryRunner } from 'typeorm';
import { OutboxEventInvalidError } from '../errors/event.errors';
import type { InboxMessage } from '../interfaces/inbox-message';
import type { ActivitySink } from '../interfaces/outbox-activity';
import type { MessageKey } from '../store/claim-messages';
import type { FailedMessage, FailureRecord } from '../store/record-failed-message';
import type { OutboxTransactions } from '../transaction/outbox-transactions';
import { toStored } from './read-message';
import type { ResolvedConsumer } from './resolve-consumer';
import { retryEventOf, type TextEvent } from './retry-event';

const LONGEST_REASON = 2000;

/** What the counting of failures works with. */
export interface FailedMessagesParts {
  readonly transactions: OutboxTransactions & { runnerOf(transaction: undefined): QueryRunner };
  /** In the transaction of the runner, or by itself. */
  readonly record: (runner: QueryRunner | undefined, failed: FailedMessage) => Promise<FailureRecord | null>;
  /** Adds an event to the current transaction. */
  readonly addEvent: (event: TextEvent) => Promise<void>;
  readonly tell: ActivitySink;
}

/** What became of a message whose handler has failed: it is to be tried again, or it is given up, or it was handled by somebody else. */
export type FailureOutcome = 'again' | 'dead' | 'retried' | 'handled';

/** Counts failed attempts, outside of the transaction that has failed, and gives messages up. */
export class FailedMessages {
  constructor(private readonly parts: FailedMessagesParts) {}

  async note(
    message: InboxMessage,
    key: MessageKey,
    error: unknown,
    consumer: ResolvedConsumer,
  ): Promise<FailureOutcome> {
    const failed = {
      consumer: consumer.consumer,
      key,
      message: toStored(message),
      reason: reasonOf(error),
      maxAttempts: consumer.maxAttempts,
    };
    const retry = this.retryOf(message, failed, consumer);
    const { record, outcome } = await this.record(failed, retry);
    if (record === null) {
      return 'handled';
    }
    const named = { consumer: consumer.consumer, id: key.messageId, topic: message.topic };
    const { attempts, givenUp } = record;
    const { tell } = this.parts;
    tell({ type: 'inbox-failed', ...named, attempts, reason: failed.reason });
    if (!givenUp) {
      return 'again';
    }
    tell({ type: 'inbox-given-up', ...named, attempts, reason: failed.reason, retryTopic: outcome === 'retried' });
    return outcome;
  }

  private retryOf(
    message: InboxMessage,
    { consumer, key, reason }: Omit<FailedMessage, 'bury'>,
    { retryTopic, retryDelaySeconds }: ResolvedConsumer,
  ): TextEvent | null {
    return retryTopic === undefined || retryTopic === message.topic
      ? null
      : retryEventOf(
          message,
          { consumer, messageId: key.messageId, topic: retryTopic, delaySeconds: retryDelaySeconds, reason },
          new Date(),
        );
  }

  private async record(
    failed: Omit<FailedMessage, 'bury'>,
    retry: TextEvent | null,
  ): Promise<{ record: FailureRecord | null; outcome: 'dead' | 'retried' }> {
    const { transactions, record, addEvent } = this.parts;
    if (retry !== null) {
      try {
        const counted = await transactions.run(async () => {
          const given = await record(transactions.runnerOf(undefined), { ...failed, bury: false });
          if (given?.givenUp === true) {
            await addEvent(retry);
          }
          return given;
        });
        return { record: counted, outcome: 'retried' };
      } catch (error) {
        // The outbox does not take what Kafka took, such as a key that is too long, or JSON that is nested too deep.
        if (!(error instanceof OutboxEventInvalidError || isRefusal(error))) {
          throw error;
        }
      }
    }
    return { record: await record(undefined, { ...failed, bury: true }), outcome: 'dead' };
  }
}

/** Whether PostgreSQL does not take the data (classes 22 and 54 of SQLSTATE), and will not however often it is asked. */
function isRefusal(error: unknown): boolean {
  const { code } = (error instanceof QueryFailedError ? error.driverError : {}) as { code?: unknown };
  return typeof code === 'string' && /^(22|54)/.test(code);
}

/** The error's message, without what PostgreSQL does not store. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, LONGEST_REASON).replaceAll('\0', ' ').toWellFormed();
}
