import type { QueryRunner } from 'typeorm';
import { InboxBatchStoppedError, InboxMessageIdMissingError } from '../errors/inbox.errors';
import { messageOf } from '../errors/message-of';
import type {
  InboxBatchOutcome,
  InboxBatchPayload,
  InboxMessage,
  InboxPayloadMessage,
} from '../interfaces/inbox-message';
import type { MessageKey } from '../store/claim-messages';
import type { OutboxTransactions } from '../transaction/outbox-transactions';
import type { MessageHandling } from './handle-message';
import { isForAnother, keyOf } from './message-key';
import { readMessage } from './read-message';
import type { ResolvedConsumer } from './resolve-consumer';

/** What handling a batch works with. */
export interface BatchParts {
  readonly transactions: OutboxTransactions & { runnerOf(transaction: undefined): QueryRunner };
  readonly claimAll: (
    runner: QueryRunner,
    consumer: string,
    keys: readonly MessageKey[],
  ) => Promise<readonly MessageKey[]>;
  readonly one: Pick<MessageHandling, 'run'>;
  readonly processed: (consumer: string, messages: readonly InboxMessage[]) => void;
  readonly skipped: (consumer: string, count: number) => void;
  /** Of a failure that would be seen nowhere. */
  readonly warn: (text: string) => void;
}

/** Most messages of one transaction, between two heartbeats: the consumer must not be taken for dead meanwhile. */
const MOST_AT_ONCE = 500;

type Counts = { -readonly [Status in keyof InboxBatchOutcome]: number };
type Handler<Message> = (messages: readonly Message[]) => unknown;

interface Entry<Message> {
  readonly raw: Message;
  readonly message: InboxMessage;
  /** Null: it has no id, and is handled all the same. */
  readonly key: MessageKey | null;
}

/** Handles what is new in a batch in one transaction; where that fails, its messages one by one. */
export class BatchHandling {
  constructor(private readonly parts: BatchParts) {}

  async run<Message extends InboxPayloadMessage>(
    payload: InboxBatchPayload<Message>,
    handler: Handler<Message>,
    consumer: ResolvedConsumer,
  ): Promise<InboxBatchOutcome> {
    const counts: Counts = { processed: 0, skipped: 0, retried: 0, dead: 0 };
    const { messages } = payload.batch;
    for (let from = 0; from < messages.length && this.mayGoOn(payload); from += MOST_AT_ONCE) {
      const some = messages.slice(from, from + MOST_AT_ONCE);
      const failure = await this.together(payload, some, handler, consumer, counts);
      if (failure === undefined) {
        await this.resolve(payload, (some.at(-1) as Message).offset);
      } else {
        await this.oneByOne(payload, some, handler, consumer, counts, failure.error);
      }
    }
    return counts;
  }

  /** Whether to go on with the next message. @throws InboxBatchStoppedError */
  private mayGoOn<Message extends InboxPayloadMessage>(payload: InboxBatchPayload<Message>): boolean {
    if (payload.isStale()) {
      return false;
    }
    if (!payload.isRunning()) {
      const { topic, partition } = payload.batch;
      // To return would let kafkajs resolve what is left, unless it was told not to.
      throw new InboxBatchStoppedError(`${topic}[${partition}]`);
    }
    return true;
  }

  /** Not before the transaction around has committed, if there is one: what it rolls back must be delivered again. */
  private async resolve<Message extends InboxPayloadMessage>(
    payload: InboxBatchPayload<Message>,
    offset: string,
  ): Promise<void> {
    const { transactions } = this.parts;
    if (transactions.active) {
      transactions.afterCommit(() => {
        payload.resolveOffset(offset);
      });
    } else {
      payload.resolveOffset(offset);
    }
    await payload.heartbeat();
  }

  /** @returns why it failed, in which case nothing was done */
  private async together<Message extends InboxPayloadMessage>(
    { batch }: InboxBatchPayload<Message>,
    some: readonly Message[],
    handler: Handler<Message>,
    consumer: ResolvedConsumer,
    counts: Counts,
  ): Promise<{ readonly error: unknown } | undefined> {
    const { transactions, claimAll, processed, skipped } = this.parts;
    let isClaimed = false;
    try {
      const own = some
        .map((raw) => ({ raw, message: readMessage({ ...batch, message: raw }) }))
        .filter(({ message }) => !isForAnother(message, consumer))
        .map((entry): Entry<Message> => ({ ...entry, key: keyOf(entry.message, consumer) }));
      const fresh = await transactions.run(
        async () => {
          const keys = new Map(own.flatMap(({ key }) => (key === null ? [] : [[textOf(key), key] as const])));
          const claimed =
            keys.size === 0
              ? []
              : await claimAll(transactions.runnerOf(undefined), consumer.consumer, [...keys.values()]);
          isClaimed = true;
          const unhandled = freshOf(own, new Set(claimed.map(textOf)));
          if (unhandled.length > 0) {
            await handler(unhandled.map(({ raw }) => raw));
            transactions.afterCommit(() => {
              processed(
                consumer.consumer,
                unhandled.map(({ message }) => message),
              );
            });
          }
          return unhandled;
        },
        { propagation: 'NESTED' },
      );
      counts.processed += fresh.length;
      counts.skipped += some.length - fresh.length;
      skipped(consumer.consumer, some.length - fresh.length);
    } catch (error) {
      if (!isClaimed && !(error instanceof InboxMessageIdMissingError)) {
        throw error;
      }
      return { error };
    }
    return undefined;
  }

  private async oneByOne<Message extends InboxPayloadMessage>(
    payload: InboxBatchPayload<Message>,
    some: readonly Message[],
    handler: Handler<Message>,
    consumer: ResolvedConsumer,
    counts: Counts,
    error: unknown,
  ): Promise<void> {
    const givenUp = counts.retried + counts.dead;
    for (const raw of some) {
      if (!this.mayGoOn(payload)) {
        return;
      }
      const message = readMessage({ ...payload.batch, message: raw });
      const { status } = await this.parts.one.run(message, () => handler([raw]), consumer);
      counts[status]++;
      await this.resolve(payload, raw.offset);
    }
    // Else the error of one of them is thrown, or told of.
    if (counts.retried + counts.dead === givenUp) {
      this.parts.warn(
        `A batch of ${some.length} messages failed together, and did not one by one, which is slower: ${messageOf(error)}.`,
      );
    }
  }
}

/** Those that are to be handled, in their order; of one id that stands twice, the first. */
function freshOf<Message>(entries: readonly Entry<Message>[], claimed: Set<string>): Entry<Message>[] {
  return entries.filter(({ key }) => key === null || claimed.delete(textOf(key)));
}

function textOf({ messageId, replayId }: MessageKey): string {
  return JSON.stringify([messageId, replayId]);
}
