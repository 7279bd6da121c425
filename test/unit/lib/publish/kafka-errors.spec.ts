import {
  KafkaJSConnectionError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
} from 'kafkajs';
import { mayBeInCreation, sendFailure } from '../../../../lib/publish/kafka-errors';

function protocolError(type: string): Error {
  // The constructor takes what Kafka's error table says, which is not what its type declares.
  const entry = { type, code: 1, retriable: true, message: `the broker says ${type.toLowerCase()}` };
  return new KafkaJSProtocolError(entry as unknown as Error);
}

/** As kafkajs gives it up after its last try. */
function wrapped(cause: Error): Error {
  return new KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 0, retryTime: 300 });
}

describe('whose fault a failed send is', () => {
  it.each([
    'MESSAGE_TOO_LARGE',
    'RECORD_LIST_TOO_LARGE',
    'INVALID_RECORD',
    'INVALID_TIMESTAMP',
    'CORRUPT_MESSAGE',
    'POLICY_VIOLATION',
    'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  ])('is that of a message: %s', (type) => {
    expect(sendFailure(protocolError(type))).toEqual({
      fault: 'message',
      reason: `${type}: the broker says ${type.toLowerCase()}`,
    });
  });

  it.each(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'TOPIC_AUTHORIZATION_FAILED'])(
    'is that of a topic: %s',
    (type) => {
      expect(sendFailure(protocolError(type))).toMatchObject({ fault: 'topic' });
    },
  );

  it.each([
    'LEADER_NOT_AVAILABLE',
    'NOT_LEADER_FOR_PARTITION',
    'REQUEST_TIMED_OUT',
    'NOT_ENOUGH_REPLICAS',
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    'KAFKA_STORAGE_ERROR',
    'CLUSTER_AUTHORIZATION_FAILED',
    'SASL_AUTHENTICATION_FAILED',
    'UNKNOWN',
    'SOMETHING_THAT_WILL_BE_INVENTED',
  ])('is that of the broker: %s', (type) => {
    expect(sendFailure(protocolError(type))).toMatchObject({ fault: 'broker' });
  });

  it.each<[string, unknown]>([
    ['a refused connection', new KafkaJSConnectionError('Connection error: connect ECONNREFUSED')],
    [
      'a time-out',
      new KafkaJSRequestTimeoutError('Request Produce timed out', {
        broker: 'localhost:9092',
        clientId: 'orders',
        correlationId: 1,
        createdAt: 1,
        sentAt: 1,
        pendingDuration: 1,
      }),
    ],
    ['an error of Node', Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })],
    ['text', 'no'],
    ['undefined', undefined],
    ['null', null],
    ['a type that is no text', Object.assign(new Error('odd'), { type: 10 })],
  ])('is that of the broker: %s', (_what, error) => {
    expect(sendFailure(error).fault).toBe('broker');
    expect(sendFailure(wrapped(error instanceof Error ? error : new Error(String(error)))).fault).toBe('broker');
  });

  it.each([
    ['once', (error: Error): Error => wrapped(error)],
    ['twice', (error: Error): Error => wrapped(Object.assign(new KafkaJSNonRetriableError(error), { cause: error }))],
    ['in errors of others', (error: Error): Error => new Error('a', { cause: new Error('b', { cause: error }) })],
  ])('is found where the error of the protocol is wrapped %s', (_how, wrap) => {
    expect(sendFailure(wrap(protocolError('MESSAGE_TOO_LARGE'))).fault).toBe('message');
    expect(sendFailure(wrap(protocolError('UNKNOWN_TOPIC_OR_PARTITION'))).fault).toBe('topic');
    expect(sendFailure(wrap(protocolError('LEADER_NOT_AVAILABLE'))).fault).toBe('broker');
  });

  it('is that of the broker where errors are wrapped in a circle', () => {
    const circular = new Error('round and round');
    circular.cause = circular;
    expect(sendFailure(circular)).toEqual({ fault: 'broker', reason: 'round and round' });
  });
});

describe('the reason of a failed send', () => {
  it('names the type of the protocol where the message does not', () => {
    expect(sendFailure(protocolError('MESSAGE_TOO_LARGE')).reason).toBe(
      'MESSAGE_TOO_LARGE: the broker says message_too_large',
    );
    expect(sendFailure(wrapped(protocolError('MESSAGE_TOO_LARGE'))).reason).toMatch(/^MESSAGE_TOO_LARGE: /);
  });

  it('does not name it twice', () => {
    const error = Object.assign(new Error('INVALID_RECORD happened'), { type: 'INVALID_RECORD' });
    expect(sendFailure(error).reason).toBe('INVALID_RECORD happened');
  });

  it('is the message, or the text of what is no error', () => {
    expect(sendFailure(new Error('no route')).reason).toBe('no route');
    expect(sendFailure('no route').reason).toBe('no route');
    expect(sendFailure(undefined).reason).toBe('undefined');
  });
});

describe('a topic', () => {
  it.each(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION'])(
    'may be in creation: %s',
    (type) => {
      expect(mayBeInCreation(protocolError(type))).toBe(true);
      expect(mayBeInCreation(wrapped(protocolError(type)))).toBe(true);
    },
  );

  it.each<[string, unknown]>([
    ['INVALID_TOPIC_EXCEPTION', protocolError('INVALID_TOPIC_EXCEPTION')],
    ['TOPIC_AUTHORIZATION_FAILED', protocolError('TOPIC_AUTHORIZATION_FAILED')],
    ['MESSAGE_TOO_LARGE', protocolError('MESSAGE_TOO_LARGE')],
    ['an error without a type', new Error('UNKNOWN_TOPIC_OR_PARTITION')],
    ['no error', undefined],
  ])('is not in creation: %s', (_what, error) => {
    expect(mayBeInCreation(error)).toBe(false);
  });
});
