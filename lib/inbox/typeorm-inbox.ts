import type {
  InboxBatchOutcome,
  InboxBatchPayload,
  InboxConsumerOptions,
  InboxMessage,
  InboxOutcome,
  InboxPayload,
  InboxPayloadMessage,
} from '../interfaces/inbox-message';
import type { BatchHandling } from './handle-batch';
import type { MessageHandling } from './handle-message';
import { Inbox } from './inbox';
import { KnownConsumers } from './known-consumers';
import { readMessage } from './read-message';
import { assertForBatch } from './resolve-consumer';

/** Runs work as a part of the trace that a message belongs to. */
export type TraceOfMessage = <T>(message: InboxMessage, consumer: string, work: () => Promise<T>) => Promise<T>;

/** The inbox in the tables of a TypeORM data source. */
export class TypeOrmInbox extends Inbox {
  private readonly consumers = new KnownConsumers();

  constructor(
    private readonly one: MessageHandling,
    private readonly batch: BatchHandling,
    private readonly traced: TraceOfMessage,
  ) {
    super();
  }

  async process<T>(
    payload: InboxPayload,
    handler: () => T | Promise<T>,
    options: InboxConsumerOptions,
  ): Promise<InboxOutcome<T>> {
    const consumer = this.consumers.of(options, 'Inbox.process');
    const message = readMessage(payload);
    return this.traced(message, consumer.consumer, () => this.one.run(message, handler, consumer));
  }

  async processBatch<Message extends InboxPayloadMessage>(
    payload: InboxBatchPayload<Message>,
    handler: (messages: readonly Message[]) => unknown,
    options: InboxConsumerOptions,
  ): Promise<InboxBatchOutcome> {
    const consumer = this.consumers.of(options, 'Inbox.processBatch');
    assertForBatch(consumer, 'Inbox.processBatch');
    return this.batch.run(payload, handler, consumer);
  }
}
