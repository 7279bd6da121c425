import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import type { Scope } from './scope';

const PARTITIONS = 6;
const STALLED_AFTER_MS = 60_000;
const SHORTEST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 250;

/** Topics that are made for a measure, and how much has been written to them. */
export class Topics {
  private constructor(private readonly admin: Admin) {}

  static async open(brokers: readonly string[], scope: Scope): Promise<Topics> {
    const kafka = new Kafka({ clientId: 'bench-topics', brokers: [...brokers], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    scope.onEnd(() => admin.disconnect());
    await admin.connect();
    return new Topics(admin);
  }

  /** A new topic with a name of its own, which goes with the scope. */
  async create(scope: Scope): Promise<string> {
    const topic = `bench-${randomUUID()}`;
    scope.onEnd(() => this.admin.deleteTopics({ topics: [topic] }));
    await this.admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: false });
    await this.untilServed(topic);
    return topic;
  }

  /** Records written so far. */
  async written(topic: string): Promise<number> {
    const partitions = await this.admin.fetchTopicOffsets(topic);
    return partitions.reduce((sum, { high }) => sum + Number(high), 0);
  }

  /**
   * Waits until so many are written. It asks the broker, which costs little, and the more often the nearer the end is: it must neither
   * disturb the work nor miss its end.
   */
  async untilWritten(topic: string, target: number): Promise<void> {
    let last = { count: await this.written(topic), at: performance.now() };
    let progressAt = last.at;
    // The rate is that of the work, which may begin late.
    let first: typeof last | undefined;
    while (last.count < target) {
      const rate = first === undefined ? 0 : (last.count - first.count) / (last.at - first.at);
      const left = rate > 0 ? (target - last.count) / rate : 0;
      await sleep(Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, left / 2)));
      const now = { count: await this.written(topic), at: performance.now() };
      if (now.count > last.count) {
        progressAt = now.at;
        first ??= now;
      } else if (now.at - progressAt > STALLED_AFTER_MS) {
        throw new Error(`${topic} has got ${String(now.count)} of ${String(target)} records, and no more come`);
      }
      last = now;
    }
  }

  /** kafkajs can wait for leaders by itself, and gives up where a busy broker does not know its new topic yet. */
  private async untilServed(topic: string): Promise<void> {
    const deadline = performance.now() + STALLED_AFTER_MS;
    for (;;) {
      try {
        await this.written(topic);
        return;
      } catch (error) {
        if (performance.now() > deadline) {
          throw error;
        }
        await sleep(LONGEST_PAUSE_MS);
      }
    }
  }
}
