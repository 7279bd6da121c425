import { KafkaRetriableException, RpcException } from '@nestjs/microservices';
import { toDeliverAgain } from '../../../../lib/inbox/retriable';
import { aPayload } from '../support/an-inbox-message';

const REQUEST = { kafka_correlationId: Buffer.from('c1'), kafka_replyTopic: Buffer.from('replies') };
const event = aPayload('e1');
const request = aPayload('e1', { headers: REQUEST });

describe("an error of a handler of Nest's Kafka transport", () => {
  const failure = new Error('no stock');

  it.each([
    ['an event', event],
    ['a request', request],
  ])('is one that delivers the message again, with the error itself as its cause: %s', (_what, payload) => {
    const error = toDeliverAgain(failure, payload);
    expect(error).toBeInstanceOf(KafkaRetriableException);
    expect(error).toMatchObject({ message: 'no stock', cause: failure });
  });

  it('may be anything that a program throws', () => {
    expect(toDeliverAgain('no stock', event)).toMatchObject({ message: 'no stock', cause: 'no stock' });
    expect(toDeliverAgain(undefined, event)).toMatchObject({ message: 'undefined', cause: undefined });
  });

  it.each([
    ['an event', event],
    ['a request', request],
  ])('is left as it is where it delivers the message again by itself: %s', (_what, payload) => {
    const retriable = new KafkaRetriableException('later');
    expect(toDeliverAgain(retriable, payload)).toBe(retriable);
  });

  it('is left as it is where it is the answer to a request', () => {
    const answer = new RpcException({ status: 'sold out' });
    expect(toDeliverAgain(answer, request)).toBe(answer);
  });

  it.each([
    ['an event', {}],
    ['an event without headers', undefined],
    ['a message without a topic for the reply', { ...REQUEST, kafka_replyTopic: null }],
    ['a message without a number for the reply', { kafka_replyTopic: REQUEST.kafka_replyTopic }],
  ])('is no answer where nobody waits for one: %s', (_what, headers) => {
    const answer = new RpcException('sold out');
    const error = toDeliverAgain(answer, aPayload('e1', { headers }));
    expect(error).toBeInstanceOf(KafkaRetriableException);
    expect(error).toMatchObject({ message: 'sold out', cause: answer });
  });

  describe("where Nest's microservices are not installed", () => {
    beforeEach(() => {
      jest.doMock('@nestjs/microservices', () => {
        const message = "Cannot find module '@nestjs/microservices'";
        throw Object.assign(new Error(message), { code: 'MODULE_NOT_FOUND' });
      });
    });
    afterEach(() => jest.dontMock('@nestjs/microservices'));

    it('is left as it is', () => {
      expect(toDeliverAgain(failure, event)).toBe(failure);
    });
  });
});
