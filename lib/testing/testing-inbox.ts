import { Inbox } from '../inbox/inbox';
import { keyOf } from '../inbox/message-key';
import { readMessage } from '../inbox/read-message';
import { assertForBatch, resolveConsumer, type ResolvedConsumer } from '../inbox/resolve-consumer';
import type {
  InboxBatchOutcome,
  InboxBatchPayload,
  InboxConsumerOptions,
  InboxOutcome,
  InboxPayload,
  InboxPayloadMessage,
} from '../interfaces/inbox-message';
import type { OutboxTransactions } from '../transaction/outbox-transactions';

/**
 * Stands in for the inbox in unit tests: it knows in memory what was handled, and skips it as the real one does. A handler that fails leaves nothing
 * behind, and its error is thrown; attempts are not counted.
 */
export class TestingInbox extends Inbox {
  private readonly handled = new Set<string>();

  constructor(private readonly transactions: OutboxTransactions) {
    super();
  }

  /** Forgets what was handled. */
  clear(): void {
    this.handled.clear();
  }

  async process<T>(
    payload: InboxPayload,
    handler: () => T | Promise<T>,
    options: InboxConsumerOptions,
  ): Promise<InboxOutcome<T>> {
    const name = this.nameOf(payload, resolveConsumer(options, 'Inbox.process'));
    if (name !== null && this.handled.has(name)) {
      return { status: 'skipped' };
    }
    const result = await this.handling(handler, name === null ? [] : [name]);
    return { status: 'processed', result };
  }

  async processBatch<Message extends InboxPayloadMessage>(
    payload: InboxBatchPayload<Message>,
    handler: (messages: readonly Message[]) => unknown,
    options: InboxConsumerOptions,
  ): Promise<InboxBatchOutcome> {
    const consumer = resolveConsumer(options, 'Inbox.processBatch');
    assertForBatch(consumer, 'Inbox.processBatch');
    const { batch } = payload;
    const fresh = new Map<string | Message, Message>();
    for (const message of batch.messages) {
      const name = this.nameOf({ ...batch, message }, consumer) ?? message;
      if (!fresh.has(name) && !(typeof name === 'string' && this.handled.has(name))) {
        fresh.set(name, message);
      }
    }
    if (fresh.size > 0) {
      const names = [...fresh.keys()].filter((name) => typeof name === 'string');
      await this.handling(() => handler([...fresh.values()]), names);
    }
    batch.messages.forEach(({ offset }) => {
      payload.resolveOffset(offset);
    });
    return { processed: fresh.size, skipped: batch.messages.length - fresh.size, retried: 0, dead: 0 };
  }

  /** @throws InboxMessageIdMissingError */
  private nameOf(payload: InboxPayload, consumer: ResolvedConsumer): string | null {
    const key = keyOf(readMessage(payload), consumer);
    return key === null ? null : JSON.stringify([consumer.consumer, key.messageId, key.replayId]);
  }

  private async handling<T>(handler: () => T | Promise<T>, names: readonly string[]): Promise<T> {
    const result = await this.transactions.run(
      async () => {
        const given = await handler();
        // Of a transaction around that fails later.
        this.transactions.afterRollback(() => {
          names.forEach((name) => this.handled.delete(name));
        });
        return given;
      },
      { propagation: 'NESTED' },
    );
    names.forEach((name) => this.handled.add(name));
    return result;
  }
}
