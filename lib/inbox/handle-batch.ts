import type { QueryRunner } from 'typeorm';
import { InboxMessageIdMissingError } from '../errors/inbox.errors';
import type {
  InboxBatchOutcome,
  InboxBatchPayload,
  InboxMessage,
  InboxPayloadMessage,
} from '../interfaces/inbox-message';
import type { MessageKey } from '../store/claim-messages';
import type { OutboxTransactions } from '../transaction/outbox-transactions';
import type { MessageHandling } from './handle-message';
import { keyOf } from './message-key';
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
    for (let from = 0; from < messages.length && payload.isRunning() && !payload.isStale(); from += MOST_AT_ONCE) {
      const some = messages.slice(from, from + MOST_AT_ONCE);
      if (await this.together(payload, some, handler, consumer, counts)) {
        payload.resolveOffset((some.at(-1) as Message).offset);
        await payload.heartbeat();
      } else {
        await this.oneByOne(payload, some, handler, consumer, counts);
      }
    }
    return counts;
  }

  /** @returns false if it failed, and nothing was done */
  private async together<Message extends InboxPayloadMessage>(
    { batch }: InboxBatchPayload<Message>,
    some: readonly Message[],
    handler: Handler<Message>,
    consumer: ResolvedConsumer,
    counts: Counts,
  ): Promise<boolean> {
    const { transactions, claimAll, processed, skipped } = this.parts;
    let isClaimed = false;
    try {
      const entries = some.map((raw): Entry<Message> => {
        const message = readMessage({ ...batch, message: raw });
        return { raw, message, key: keyOf(message, consumer) };
      });
      const fresh = await transactions.run(
        async () => {
          const keys = new Map(entries.flatMap(({ key }) => (key === null ? [] : [[textOf(key), key] as const])));
          const claimed =
            keys.size === 0
              ? []
              : await claimAll(transactions.runnerOf(undefined), consumer.consumer, [...keys.values()]);
          isClaimed = true;
          const unhandled = freshOf(entries, new Set(claimed.map(textOf)));
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
      counts.skipped += entries.length - fresh.length;
      skipped(consumer.consumer, entries.length - fresh.length);
    } catch (error) {
      if (!isClaimed && !(error instanceof InboxMessageIdMissingError)) {
        throw error;
      }
      return false;
    }
    return true;
  }

  private async oneByOne<Message extends InboxPayloadMessage>(
    payload: InboxBatchPayload<Message>,
    some: readonly Message[],
    handler: Handler<Message>,
    consumer: ResolvedConsumer,
    counts: Counts,
  ): Promise<void> {
    for (const raw of some) {
      if (!payload.isRunning() || payload.isStale()) {
        return;
      }
      const message = readMessage({ ...payload.batch, message: raw });
      const { status } = await this.parts.one.run(message, () => handler([raw]), consumer);
      counts[status]++;
      payload.resolveOffset(raw.offset);
      await payload.heartbeat();
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
