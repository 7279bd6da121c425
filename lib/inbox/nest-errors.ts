import type * as Microservices from '@nestjs/microservices';
import { messageOf } from '../errors/message-of';
import { loadPeer } from '../peers/load-peer';
import type { NestCall } from './received-message';

/** The error as Nest's Kafka transport must see it, so that the broker delivers the message again, or so that it answers a request. */
export function toNest(error: unknown, call: NestCall): unknown {
  const microservices = load();
  if (microservices === null) {
    return error;
  }
  const { KafkaRetriableException, RpcException } = microservices;
  if (error instanceof KafkaRetriableException || (error instanceof RpcException && call === 'request')) {
    return error;
  }
  const retriable = new KafkaRetriableException(messageOf(error));
  retriable.cause = error;
  return retriable;
}

/** The error of a request that was given up, as its answer: nobody else will give one. */
export function answerOf(error: unknown): unknown {
  const microservices = load();
  if (microservices === null || error instanceof microservices.RpcException) {
    return error;
  }
  const answer = new microservices.RpcException(messageOf(error));
  answer.cause = error;
  return answer;
}

function load(): typeof Microservices | null {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- see loadPeer
  return loadPeer('@nestjs/microservices', () => require('@nestjs/microservices') as typeof Microservices);
}
