import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Kafka, Partitioners, type Message, type Producer, type TopicMessages } from 'kafkajs';
import type { OutboxKafkaOptions } from '../config/outbox-options';
import type { OutboxMessage, OutboxPublisher, PublishResult } from '../interfaces/outbox-publisher';
import { sendFailure, type SendFailure } from './kafka-errors';
import { kafkajsLog } from './kafkajs-log';
import { sendBatch } from './send-batch';

/** Longest wait for an answer of the broker; the relay reckons with it (lane-leases.ts). */
const REQUEST_TIMEOUT_MS = 10_000;

/** How often, and how long in all, to ask again for a topic that the broker is creating. */
const CREATION_PAUSE_MS = 100;
const CREATION_LIMIT_MS = 5000;

/** How long closing connections may keep the application from ending. */
const DISCONNECT_LIMIT_MS = 2000;

/**
 * Publishes through kafkajs, acknowledged by all in-sync replicas, one request at a time.
 *
 * Not with kafkajs' idempotent producer, and without its retries: after a failed send the idempotent producer can report records as written
 * that are not, and it retries without end. The relay repeats what failed, and a repeated record has the same id.
 */
export class KafkaJsPublisher implements OutboxPublisher {
  private readonly logger = new Logger('Outbox');
  private producer: Promise<Producer> | undefined;
  private readonly closing = new Set<Promise<void>>();

  constructor(
    private readonly options: OutboxKafkaOptions,
    private readonly allowAutoTopicCreation: boolean,
  ) {}

  async connect(): Promise<void> {
    await this.connected();
  }

  publish(batch: readonly OutboxMessage[]): Promise<PublishResult> {
    return sendBatch(batch, (messages) => this.send(messages));
  }

  async disconnect(): Promise<void> {
    await this.discardProducer();
    await Promise.all(this.closing);
  }

  private async send(messages: readonly OutboxMessage[]): Promise<SendFailure | undefined> {
    const limit = performance.now() + CREATION_LIMIT_MS;
    let failure = await this.sendOnce(messages);
    while (failure?.fault === 'creation' && performance.now() < limit) {
      await sleep(CREATION_PAUSE_MS);
      failure = await this.sendOnce(messages);
    }
    return failure;
  }

  private async sendOnce(messages: readonly OutboxMessage[]): Promise<SendFailure | undefined> {
    try {
      const producer = await this.connected();
      await producer.sendBatch({ acks: -1, timeout: REQUEST_TIMEOUT_MS, topicMessages: byTopic(messages) });
      return undefined;
    } catch (error) {
      const failure = sendFailure(error, this.allowAutoTopicCreation);
      if (failure.fault === 'broker') {
        // Its connections and its picture of the cluster may be stale: the next send begins with a new one.
        void this.discardProducer();
      }
      return failure;
    }
  }

  private connected(): Promise<Producer> {
    this.producer ??= this.newProducer();
    return this.producer;
  }

  private async newProducer(): Promise<Producer> {
    const kafka = new Kafka({
      logCreator: kafkajsLog(this.logger),
      ...this.options,
      retry: { retries: 0 },
      requestTimeout: REQUEST_TIMEOUT_MS,
      enforceRequestTimeout: true,
    });
    const producer = kafka.producer({
      allowAutoTopicCreation: this.allowAutoTopicCreation,
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: false,
      retry: { retries: 0 },
    });
    try {
      await producer.connect();
    } catch (error) {
      // It may hold an open connection to one broker all the same.
      await withLimit(producer.disconnect());
      throw error;
    }
    return producer;
  }

  private async discardProducer(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    if (producer === undefined) {
      return;
    }
    const closed = withLimit(producer.then((connected) => connected.disconnect()));
    this.closing.add(closed);
    await closed;
    this.closing.delete(closed);
  }
}

function byTopic(messages: readonly OutboxMessage[]): TopicMessages[] {
  const topics = new Map<string, Message[]>();
  for (const { topic, key, value, headers } of messages) {
    const message: Message = { key, value, headers };
    const sameTopic = topics.get(topic);
    if (sameTopic === undefined) {
      topics.set(topic, [message]);
    } else {
      sameTopic.push(message);
    }
  }
  return [...topics].map(([topic, topicMessages]) => ({ topic, messages: topicMessages }));
}

/** Waits for the end of something whose failure does not matter, but not for ever. */
async function withLimit(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DISCONNECT_LIMIT_MS);
  });
  await Promise.race([work.catch(() => undefined), limit]);
  clearTimeout(timer);
}
