import { setTimeout as sleep } from 'node:timers/promises';
import {
  Kafka,
  logLevel,
  type Consumer,
  type EachBatchPayload,
  type ISocketFactory,
  type TopicPartitionOffset,
} from 'kafkajs';
import type { Chance } from '../random';
import { TOPICS } from '../topics';
import { CONSUMER_GROUP, SESSION_SECONDS } from './parameters';

/** Lazily: what was handled meanwhile is delivered again when the process ends, or the group is shared out anew. */
const COMMIT_EVERY_MS = 3000;
const CONCURRENT_PARTITIONS = 3;
const FARTHEST_BACK = 300;
const BEGIN_AGAIN_AFTER_MS = 1000;

/** A member of the group, with kafkajs. */
export class GroupMember {
  private readonly kafka: Kafka;
  private consumer: Consumer | undefined;
  /** What was received last, which knows how to commit; undefined if nothing was since it began. */
  private last: EachBatchPayload | undefined;
  /** By topic and partition, what it has handled last: all before was handled, too, by whomever. */
  private readonly handled = new Map<string, TopicPartitionOffset>();
  private commits: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(
    name: string,
    socketFactory: ISocketFactory,
    private readonly eachBatch: (payload: EachBatchPayload) => Promise<void>,
  ) {
    this.kafka = new Kafka({
      clientId: name,
      brokers: ['127.0.0.1:1'],
      socketFactory,
      logLevel: logLevel.NOTHING,
      connectionTimeout: 3000,
      requestTimeout: 10_000,
      // It pauses as long after a handler that fails.
      retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 1_000_000 },
    });
  }

  async begin(): Promise<void> {
    this.commits ??= setInterval(() => void this.commit(), COMMIT_EVERY_MS);
    try {
      await this.consume();
    } catch (error) {
      await this.beginAgain(error);
    }
  }

  /** As after an operator has set the group's offsets back: what was handled is delivered again. */
  goBack(chance: Chance): void {
    for (const { topic, partition, offset } of this.handled.values()) {
      const back = Math.max(0, Number(offset) - chance.below(FARTHEST_BACK));
      try {
        this.consumer?.seek({ topic, partition, offset: String(back) });
      } catch {
        // It is just beginning again.
      }
    }
  }

  async end(): Promise<void> {
    this.isOver = true;
    clearInterval(this.commits);
    await this.consumer?.disconnect();
  }

  private async consume(): Promise<void> {
    const consumer = this.kafka.consumer({
      groupId: CONSUMER_GROUP,
      sessionTimeout: SESSION_SECONDS * 1000,
      heartbeatInterval: 1000,
      rebalanceTimeout: 6000,
      maxWaitTimeInMs: 500,
      allowAutoTopicCreation: false,
    });
    this.consumer = consumer;
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      this.last = undefined;
      if (!restart) {
        void this.beginAgain(error);
      }
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [...TOPICS], fromBeginning: true });
    await consumer.run({
      // It would commit after each batch.
      autoCommit: false,
      // It would also pass over what was left when the consumer had to stop.
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
      eachBatch: (payload) => {
        this.last = payload;
        return this.eachBatch({ ...payload, resolveOffset: (offset) => this.resolve(payload, offset) });
      },
    });
  }

  private resolve({ batch: { topic, partition }, resolveOffset }: EachBatchPayload, offset: string): void {
    this.handled.set(`${topic}/${String(partition)}`, { topic, partition, offset });
    resolveOffset(offset);
  }

  /** Where kafkajs gives up, as it has for some errors. */
  private async beginAgain(error: unknown): Promise<void> {
    console.log(`kafkajs has given up, and begins again: ${String(error)}`);
    await sleep(BEGIN_AGAIN_AFTER_MS);
    if (!this.isOver) {
      await this.begin();
    }
  }

  private async commit(): Promise<void> {
    try {
      await this.last?.commitOffsetsIfNecessary(this.last.uncommittedOffsets());
    } catch {
      // What cannot be committed is delivered again.
    }
  }
}
