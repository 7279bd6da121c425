import { setTimeout as sleep } from 'node:timers/promises';
import type { TopicMessages } from 'kafkajs';
import type { OutboxKafkaOptions } from '../config/outbox-options';
import type { OutboxMessage, OutboxPublisher, PublishContext, PublishResult } from '../interfaces/outbox-publisher';
import { mayBeInCreation, sendFailure } from './kafka-errors';
import { KafkaJsConnection, REQUEST_TIMEOUT_MS } from './kafkajs-connection';
import { byTopic, sendBatch, type SendResult } from './send-batch';
import { withTimeLimit } from '../time/time-limit';

/** How often, and how long in all, to ask again for a topic that the broker is creating. */
const CREATION_PAUSE_MS = 100;
const CREATION_LIMIT_MS = 3000;

/**
 * How long one request may take with all that kafkajs does for it: connecting to one broker after the other and asking for the leaders can each
 * take as long as the request itself.
 */
const SEND_LIMIT_MS = REQUEST_TIMEOUT_MS + 1000;

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
    return withTimeLimit(SEND_LIMIT_MS, this.connection.open(), () => {
      this.connection.discard();
      throw noAnswer();
    });
  }

  publish(batch: readonly OutboxMessage[], context: PublishContext): Promise<PublishResult> {
    return sendBatch(batch, (messages) => this.send(messages, context), context);
  }

  disconnect(): Promise<void> {
    return this.connection.close();
  }

  private async send(messages: readonly OutboxMessage[], context: PublishContext): Promise<SendResult> {
    const topicMessages = toTopicMessages(messages);
    const creationLimit = performance.now() + CREATION_LIMIT_MS;
    for (let repeated = false; ; repeated = true) {
      const { fresh } = this.connection;
      if (repeated && !context.mayContinue()) {
        return 'stopped';
      }
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
    const sending = this.connection
      .use((producer) => producer.sendBatch({ acks: -1, timeout: REQUEST_TIMEOUT_MS, topicMessages }))
      .then(
        () => undefined,
        (error: unknown) => error ?? new Error('kafkajs failed without an error'),
      );
    return withTimeLimit(SEND_LIMIT_MS, sending, noAnswer);
  }
}

function noAnswer(): Error {
  return new Error(`no answer within ${SEND_LIMIT_MS / 1000} s`);
}

function toTopicMessages(messages: readonly OutboxMessage[]): TopicMessages[] {
  return byTopic(messages).map((sameTopic) => ({
    topic: sameTopic[0]?.topic ?? '',
    messages: sameTopic.map(({ key, value, headers }) => ({ key, value, headers })),
  }));
}
