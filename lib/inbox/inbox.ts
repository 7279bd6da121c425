import type {
  InboxBatchOutcome,
  InboxBatchPayload,
  InboxConsumerOptions,
  InboxOutcome,
  InboxPayload,
  InboxPayloadMessage,
} from '../interfaces/inbox-message';

/**
 * Makes consumers effectively once: a message's id and what its handler writes are one transaction. Inject it by this class (of another data
 * source: `@InjectInbox('name')`). For Nest's Kafka handlers there is the decorator `@IdempotentConsumer`.
 */
export abstract class Inbox {
  /**
   * Handles a message, unless it was handled before: the idempotent receiver of Hohpe and Woolf, "Enterprise Integration Patterns". The handler runs in a
   * transaction that repositories, `@Outboxed` methods and `addEvent` inside join. If it fails, nothing of it stays but the count of attempts, and the error
   * is thrown, so that the broker delivers the message again; after `maxAttempts` it is given up.
   *
   * Inside a transaction it sets a savepoint; the attempt is then counted when that transaction has ended, and giving up shows at the next delivery.
   *
   * ```ts
   * eachMessage: async (payload) => {
   *   await this.inbox.process(payload, () => this.shipping.ship(payload.message), { consumer: 'shipping' });
   * }
   * ```
   *
   * @param payload what `eachMessage` of kafkajs is called with
   * @throws InboxMessageIdMissingError if the message has no id and `withoutId` is `refuse`
   * @throws InboxMessageBusyError if another delivery is being handled and `whileBusy` is `refuse`
   * @throws InboxOptionsInvalidError if the options are wrong
   */
  abstract process<T>(
    payload: InboxPayload,
    handler: () => T | Promise<T>,
    options: InboxConsumerOptions,
  ): Promise<InboxOutcome<T>>;

  /**
   * Handles a batch in one transaction, or a large one in several: one statement finds out which of its messages are new, and the handler gets these, in the
   * order of their offsets. If it fails, the messages are handled one by one, so that one that fails for ever is found; those before it are committed. Offsets are resolved and
   * heartbeats sent as it goes on, so `eachBatchAutoResolve` must be false.
   *
   * ```ts
   * eachBatchAutoResolve: false,
   * eachBatch: async (payload) => {
   *   await this.inbox.processBatch(payload, (messages) => this.shipping.shipAll(messages), { consumer: 'shipping' });
   * }
   * ```
   *
   * @param payload what `eachBatch` of kafkajs is called with
   * @throws InboxBatchStoppedError if the consumer is told to stop in the middle of the batch
   * @throws what {@link Inbox.process} throws
   */
  abstract processBatch<Message extends InboxPayloadMessage>(
    payload: InboxBatchPayload<Message>,
    handler: (messages: readonly Message[]) => unknown,
    options: InboxConsumerOptions,
  ): Promise<InboxBatchOutcome>;
}
