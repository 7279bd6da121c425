import type * as Microservices from '@nestjs/microservices';
import type { InboxPayload } from '../interfaces/inbox-message';
import { loadPeer } from '../peers/load-peer';

/** The error as Nest's Kafka transport must see it, so that the broker delivers the message again. */
export function toDeliverAgain(error: unknown, { message }: InboxPayload): unknown {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- see loadPeer
  const load = (): typeof Microservices => require('@nestjs/microservices') as typeof Microservices;
  const microservices = loadPeer('@nestjs/microservices', load);
  if (microservices === null) {
    return error;
  }
  const { KafkaRetriableException, RpcException } = microservices;
  const { kafka_correlationId: correlationId, kafka_replyTopic: replyTopic } = message.headers ?? {};
  const isRequest = ![correlationId, replyTopic].some((header) => header === undefined || header === null);
  if (error instanceof KafkaRetriableException || (error instanceof RpcException && isRequest)) {
    return error;
  }
  const retriable = new KafkaRetriableException(error instanceof Error ? error.message : String(error));
  retriable.cause = error;
  return retriable;
}
