import { setTimeout as sleep } from 'node:timers/promises';
import type { TopicMessages } from 'kafkajs';
import type { OutboxKafkaOptions } from '../config/outbox-options';
import type { OutboxMessage, OutboxPublisher, PublishResult } from '../interfaces/outbox-publisher';
import { mayBeInCreation, sendFailure, type SendFailure } from './kafka-errors';
import { KafkaJsConnection, REQUEST_TIMEOUT_MS } from './kafkajs-connection';
import { byTopic, sendBatch } from './send-batch';

/** How often, and how long in all, to ask again for a topic that the broker is creating. */
const CREATION_PAUSE_MS = 100;
const CREATION_LIMIT_MS = 3000;

/**
 * Publishes through kafkajs, acknowledged by all in-sync replicas, one request at a time.
 *
 * Not with kafkajs' idempotent producer, and without its retries: after a failed send the idempotent producer can report records as written
 * that are not, and it retries without end. The relay repeats what failed, and a repeated record has the same id.
 */
export class KafkaJsPublisher implements OutboxPublisher {
  private readonly connection: KafkaJsConnection;

  constructor(
    options: OutboxKafkaOptions,
    private readonly allowAutoTopicCreation: boolean,
  ) {
    this.connection = new KafkaJsConnection(options, allowAutoTopicCreation);
  }

  connect(): Promise<void> {
    return this.connection.open();
  }

  publish(batch: readonly OutboxMessage[]): Promise<PublishResult> {
    return sendBatch(batch, (messages) => this.send(messages));
  }

  disconnect(): Promise<void> {
    return this.connection.close();
  }

  private async send(messages: readonly OutboxMessage[]): Promise<SendFailure | undefined> {
    const topicMessages = toTopicMessages(messages);
    const creationLimit = performance.now() + CREATION_LIMIT_MS;
    for (;;) {
      const { fresh } = this.connection;
      const error = await this.attempt(topicMessages);
      if (error === undefined) {
        return undefined;
      }
      const failure = sendFailure(error);
      if (failure.fault === 'message') {
        return failure;
      }
      // Its connections and its picture of the cluster may be stale.
      this.connection.discard();
      if (this.allowAutoTopicCreation && mayBeInCreation(error)) {
        if (topicMessages.length > 1) {
          return { ...failure, fault: 'topic' };
        }
        if (performance.now() < creationLimit) {
          await sleep(CREATION_PAUSE_MS);
          continue;
        }
      }
      // A producer asks for all topics that it has ever sent to: one of those may be gone, and not the one that is sent to now. Only a new
      // producer's answer is about this request.
      if (failure.fault === 'topic' && !fresh) {
        continue;
      }
      return failure;
    }
  }

  private async attempt(topicMessages: TopicMessages[]): Promise<unknown> {
    try {
      await this.connection.use((producer) =>
        producer.sendBatch({ acks: -1, timeout: REQUEST_TIMEOUT_MS, topicMessages }),
      );
      return undefined;
    } catch (error) {
      return error ?? new Error('kafkajs failed without an error');
    }
  }
}

function toTopicMessages(messages: readonly OutboxMessage[]): TopicMessages[] {
  return byTopic(messages).map((sameTopic) => ({
    topic: sameTopic[0]?.topic ?? '',
    messages: sameTopic.map(({ key, value, headers }) => ({ key, value, headers })),
  }));
}
