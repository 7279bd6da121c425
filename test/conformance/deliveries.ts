import { setTimeout as sleep } from 'node:timers/promises';
import type {
  OutboxMessage,
  OutboxPublisher,
  PublishContext,
  PublishResult,
} from '../../lib/interfaces/outbox-publisher';

/** A record as it stands in a topic. */
export interface WrittenRecord {
  readonly key: string | undefined;
  readonly value: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

const ID = 'ce_id';
const mayGoOn: PublishContext = { mayContinue: () => true };

/**
 * Delivers messages as the relay does: those that were not published again and again, in their order, and none of a key after one that was refused.
 * It keeps account of what the publisher has said, and compares that with what stands in the topic.
 */
export class Deliveries {
  private readonly messages: OutboxMessage[] = [];
  private readonly acknowledged = new Set<string>();
  /** What was in a batch that failed in part: it may stand in the topic more than once. */
  private readonly mayRepeat = new Set<string>();
  private readonly heldKeys = new Set<string>();

  constructor(
    private readonly publisher: OutboxPublisher,
    /** How long a call of `publish` may take. */
    private readonly longestMs: number,
  ) {}

  /** Adds messages, the keys in turn; `bytes` is about what each has. */
  add(topic: string, keys: readonly string[], count: number, bytes = 300): OutboxMessage[] {
    const added = Array.from({ length: count }, (_, index): OutboxMessage => {
      const id = `${topic}-${this.messages.length + index}`;
      const key = keys[index % keys.length] ?? '';
      const value = JSON.stringify({ id, text: 'a \u00e4 \u20ac \u{1F4E6}', filler: 'x'.repeat(bytes) });
      return { id, topic, key, value, headers: { [ID]: id, ce_type: 'Tested', 'content-type': 'application/json' } };
    });
    this.messages.push(...added);
    return added;
  }

  /** Puts another in the place of a message. */
  replace(message: OutboxMessage, by: OutboxMessage): void {
    this.messages[this.messages.indexOf(message)] = by;
  }

  get pending(): OutboxMessage[] {
    return this.messages.filter(({ id, key }) => !this.acknowledged.has(id) && !this.heldKeys.has(key));
  }

  /** Publishes what is pending, and checks what can be checked at once. Gives the outcomes in short: P, X (rejected) or r. */
  async publish(context = mayGoOn): Promise<PublishResult & { became: string }> {
    const batch = this.pending;
    const began = performance.now();
    const result = await this.publisher.publish(batch, context);
    expect(performance.now() - began).toBeLessThan(this.longestMs);
    expect(result.outcomes).toHaveLength(batch.length);

    const failedKeys = new Set<string>();
    batch.forEach(({ id, key }, index) => {
      const { status } = result.outcomes[index]!;
      if (failedKeys.has(key)) {
        // After one that was not published, none of its key is.
        expect([id, status]).toEqual([id, 'retry']);
      }
      if (status === 'published') {
        this.acknowledged.add(id);
      } else {
        failedKeys.add(key);
      }
      if (status === 'rejected') {
        this.heldKeys.add(key);
      }
    });
    if (failedKeys.size > 0) {
      batch.forEach(({ id }) => this.mayRepeat.add(id));
    }
    const letter = { published: 'P', rejected: 'X', retry: 'r' };
    return { ...result, became: result.outcomes.map(({ status }) => letter[status]).join('') };
  }

  /** Publishes until nothing is pending. */
  async finish(seconds = 60): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (this.pending.length > 0) {
      const { unavailable, outcomes } = await this.publish();
      expect(outcomes).not.toContainEqual(expect.objectContaining({ status: 'rejected' }));
      if (performance.now() > deadline) {
        throw new Error(`not all was published within ${seconds} s; the last reason: ${unavailable ?? 'none'}`);
      }
      await sleep(unavailable === undefined ? 0 : 100);
    }
  }

  /** Compares with what stands in a topic: the records of each key in their order. */
  check(topic: string, written: readonly WrittenRecord[]): void {
    const ofTopic = this.messages.filter((message) => message.topic === topic);
    const byId = new Map(ofTopic.map((message) => [message.id, message]));
    const times = new Map<string, number>();
    const firstWrites: string[] = [];
    for (const { key, value, headers } of written) {
      const id = headers[ID] ?? '';
      // Each record, repeated or not, is the message byte for byte.
      expect({ id, key, value, headers: { ...headers } }).toEqual(contentOf(byId.get(id)));
      times.set(id, (times.get(id) ?? 0) + 1);
      if (times.get(id) === 1) {
        firstWrites.push(id);
      }
    }
    const acknowledged = ofTopic.filter(({ id }) => this.acknowledged.has(id)).map(({ id }) => id);
    expect(acknowledged.filter((id) => !times.has(id))).toEqual([]);

    const repeated = [...times].filter(([, count]) => count > 1).map(([id]) => id);
    expect(repeated.filter((id) => !this.mayRepeat.has(id))).toEqual([]);

    const keys = new Map<string, string[]>();
    ofTopic.forEach(({ id, key }) => keys.set(key, [...(keys.get(key) ?? []), id]));
    for (const ids of keys.values()) {
      const own = new Set(ids);
      const inOrder = firstWrites.filter((id) => own.has(id));
      // In order, and without a gap: none was written before all that stand before it.
      expect(inOrder).toEqual(ids.slice(0, inOrder.length));
    }
  }
}

function contentOf(message: OutboxMessage | undefined): object | undefined {
  return message && { id: message.id, key: message.key, value: message.value, headers: message.headers };
}
