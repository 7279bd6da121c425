import { messageOf } from '../errors/message-of';
import type {
  OutboxMessage,
  OutboxPublisher,
  PublishContext,
  PublishOutcome,
  PublishResult,
} from '../interfaces/outbox-publisher';

/** Receives a message; one that throws or rejects refuses it, and it will be delivered again. */
export type InProcessHandler = (message: OutboxMessage) => void | Promise<void>;

/**
 * A publisher without a broker: it hands messages to functions of the same process. For trying things out and for tests; the
 * events are as safe in the table as ever, but only this process sees them.
 */
export class InProcessPublisher implements OutboxPublisher {
  private readonly handlers = new Map<string, InProcessHandler[]>();

  /** Calls `handler` for each message of `topic`, one after the other. */
  subscribe(topic: string, handler: InProcessHandler): void {
    this.handlers.set(topic, [...(this.handlers.get(topic) ?? []), handler]);
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  async publish(batch: readonly OutboxMessage[], context: PublishContext): Promise<PublishResult> {
    const outcomes: PublishOutcome[] = [];
    const refusedKeys = new Set<string>();
    let stopped = false;
    for (const message of batch) {
      stopped ||= !context.mayContinue();
      const held = stopped || refusedKeys.has(message.key);
      const outcome: PublishOutcome = held ? { status: 'retry' } : await this.deliver(message);
      if (outcome.status !== 'published') {
        refusedKeys.add(message.key);
      }
      outcomes.push(outcome);
    }
    return { outcomes };
  }

  disconnect(): Promise<void> {
    return Promise.resolve();
  }

  private async deliver(message: OutboxMessage): Promise<PublishOutcome> {
    try {
      for (const handler of this.handlers.get(message.topic) ?? []) {
        await handler(message);
      }
      return { status: 'published' };
    } catch (error) {
      return { status: 'rejected', reason: messageOf(error) };
    }
  }
}
