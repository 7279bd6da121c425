import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Consumer, type EachMessagePayload } from 'kafkajs';
import type { EventReader } from './event-reader';
import type { ConsumedEvent } from './tally';

export interface KafkaReaderOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Only records whose key begins with it are taken: the topic may serve others, too. */
  readonly keyPrefix: string;
  readonly groupId: string;
  readonly signal: AbortSignal;
}

const READY_WITHIN_MS = 60_000;
const PAUSE_MS = 500;
const CLOSE_WITHIN_MS = 3000;

/** Consumes a topic from now on, and goes on after any outage of the broker from where it was. */
export class KafkaReader implements EventReader {
  readonly #events: ConsumedEvent[] = [];
  /** A consumer that starts again may read a record twice; that is no redelivery. */
  readonly #places = new Set<string>();
  readonly #closing = new AbortController();
  readonly #closed = once(this.#closing.signal, 'abort').then(() => undefined);
  #consumer: Consumer | undefined;
  #reading: Promise<void> = Promise.resolve();
  #trouble: string | undefined;

  private constructor(
    private readonly kafka: Kafka,
    private readonly options: KafkaReaderOptions,
  ) {}

  /** Resolves when the end of the topic is known, from which it reads on. */
  static async open(options: KafkaReaderOptions): Promise<KafkaReader> {
    const kafka = new Kafka({
      clientId: options.groupId,
      brokers: [...options.brokers],
      logLevel: logLevel.NOTHING,
      retry: { retries: 2 },
    });
    await beginAtTheEnd(kafka, options);
    const reader = new KafkaReader(kafka, options);
    reader.#reading = reader.#keepReading();
    return reader;
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  read(): Promise<readonly ConsumedEvent[]> {
    return Promise.resolve(this.#events);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#disconnect();
    await this.#reading;
  }

  async #keepReading(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        this.#trouble = reasonOf(await this.#readUntilCrash());
      } catch (error) {
        this.#trouble = reasonOf(error);
      }
      await this.#disconnect();
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Resolves with the reason when the consumer has ended; kafkajs' own way of starting again leaves out some cases. */
  async #readUntilCrash(): Promise<unknown> {
    const { groupId, topic } = this.options;
    const consumer = this.kafka.consumer({
      groupId,
      maxWaitTimeInMs: 500,
      sessionTimeout: 10_000,
      retry: { retries: 3, restartOnFailure: () => Promise.resolve(false) },
    });
    this.#consumer = consumer;
    const crashed = new Promise<unknown>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
    });
    consumer.on(consumer.events.GROUP_JOIN, () => (this.#trouble = undefined));
    await consumer.connect();
    await consumer.subscribe({ topic });
    await consumer.run({ eachMessage: (payload) => Promise.resolve(this.#take(payload)) });
    return Promise.race([crashed, this.#closed]);
  }

  #take({ partition, message }: EachMessagePayload): void {
    const place = `${partition}:${message.offset}`;
    if (!message.key?.toString().startsWith(this.options.keyPrefix) || this.#places.has(place)) return;
    this.#places.add(place);
    this.#events.push({ id: header(message, 'ce_id'), orderId: header(message, 'ce_subject') });
  }

  async #disconnect(): Promise<void> {
    const closed = this.#consumer?.disconnect().catch(() => undefined); // of one that has crashed nothing is left to close
    await Promise.race([closed, sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
  }
}

/** Commits the end of each partition for the new group, so that it begins there, also when it must start again. */
async function beginAtTheEnd(kafka: Kafka, { topic, groupId, signal }: KafkaReaderOptions): Promise<void> {
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const ends = await admin.fetchTopicOffsets(topic);
      await admin.setOffsets({
        groupId,
        topic,
        partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
      });
      return;
    } catch (error) {
      // The shop may not have made the topic yet, and a new broker makes the table of groups only now.
      if (Date.now() > giveUpAt || signal.aborted) throw error;
      await sleep(PAUSE_MS);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}

function header({ headers }: EachMessagePayload['message'], name: string): string {
  return headers?.[name]?.toString() ?? '';
}

function reasonOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : 'unknown reason';
}
