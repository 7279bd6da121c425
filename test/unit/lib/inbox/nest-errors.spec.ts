import { KafkaRetriableException, RpcException } from '@nestjs/microservices';
import { answerOf, toNest } from '../../../../lib/inbox/nest-errors';

describe("an error of a handler of Nest's Kafka transport", () => {
  const failure = new Error('no stock');

  it.each(['event', 'request'] as const)(
    'is one that delivers the message again, with the error itself as its cause: %s',
    (call) => {
      const error = toNest(failure, call);
      expect(error).toBeInstanceOf(KafkaRetriableException);
      expect(error).toMatchObject({ message: 'no stock', cause: failure });
    },
  );

  it('may be anything that a program throws', () => {
    expect(toNest('no stock', 'event')).toMatchObject({ message: 'no stock', cause: 'no stock' });
    expect(toNest(undefined, 'event')).toMatchObject({ message: 'undefined', cause: undefined });
  });

  it.each(['event', 'request'] as const)(
    'is left as it is where it delivers the message again by itself: %s',
    (call) => {
      const retriable = new KafkaRetriableException('later');
      expect(toNest(retriable, call)).toBe(retriable);
    },
  );

  it('is left as it is where it is the answer to a request', () => {
    const answer = new RpcException({ status: 'sold out' });
    expect(toNest(answer, 'request')).toBe(answer);
  });

  it('is no answer where nobody waits for one', () => {
    const answer = new RpcException('sold out');
    const error = toNest(answer, 'event');
    expect(error).toBeInstanceOf(KafkaRetriableException);
    expect(error).toMatchObject({ message: 'sold out', cause: answer });
  });

  it('becomes the answer to a request that is given up', () => {
    const answer = answerOf(failure);
    expect(answer).toBeInstanceOf(RpcException);
    expect(answer).toMatchObject({ message: 'no stock', cause: failure });
    const own = new RpcException({ status: 'sold out' });
    expect(answerOf(own)).toBe(own);
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
      expect(toNest(failure, 'event')).toBe(failure);
      expect(answerOf(failure)).toBe(failure);
    });
  });
});
