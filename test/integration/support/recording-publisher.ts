import type { OutboxMessage, OutboxPublisher, PublishOutcome, PublishResult } from 'nestjs-outboxed';

/** A broker of the test: it keeps what it takes, and takes what it is told to take. */
export class RecordingPublisher implements OutboxPublisher {
  /** What was given to it at once. */
  readonly batches: (readonly OutboxMessage[])[] = [];
  /** What it has taken, in this order. */
  readonly taken: OutboxMessage[] = [];
  /** What it was asked to take and has refused, in this order. */
  readonly refused: OutboxMessage[] = [];
  connects = 0;
  disconnects = 0;
  /** Which messages it refuses. */
  refuses: (message: OutboxMessage) => boolean = () => false;
  /** Why it cannot be reached. */
  away: string | undefined;
  /** Awaited before each batch. */
  before: () => Promise<void> | void = () => undefined;

  connect(): Promise<void> {
    this.connects++;
    return Promise.resolve();
  }

  async publish(batch: readonly OutboxMessage[]): Promise<PublishResult> {
    this.batches.push(batch);
    await this.before();
    if (this.away !== undefined) {
      return { outcomes: batch.map(() => ({ status: 'retry' })), unavailable: this.away };
    }
    const stopped = new Set<string>();
    return {
      outcomes: batch.map((message): PublishOutcome => {
        if (stopped.has(message.key)) {
          return { status: 'retry' };
        }
        if (this.refuses(message)) {
          stopped.add(message.key);
          this.refused.push(message);
          return { status: 'rejected', reason: `refused ${message.id}` };
        }
        this.taken.push(message);
        return { status: 'published' };
      }),
    };
  }

  disconnect(): Promise<void> {
    this.disconnects++;
    return Promise.resolve();
  }

  /** The ids that it has taken, repetitions too. */
  get ids(): string[] {
    return this.taken.map(({ id }) => id);
  }

  idsOf(key: string): string[] {
    return this.taken.flatMap((message) => (message.key === key ? [message.id] : []));
  }

  /** Of each key, which message it has taken first, second, ... for the first time. */
  get firstDeliveries(): Map<string, string[]> {
    const byKey = new Map<string, Set<string>>();
    for (const { key, id } of this.taken) {
      byKey.set(key, (byKey.get(key) ?? new Set()).add(id));
    }
    return new Map([...byKey].map(([key, ids]) => [key, [...ids]]));
  }
}
