import { Logger } from '@nestjs/common';
import { Kafka, logLevel, type KafkaConfig } from 'kafkajs';
import type { OutboxKafkaOptions } from '../../../../lib/config/outbox-options';
import type { OutboxMessage, PublishResult } from '../../../../lib/interfaces/outbox-publisher';
import { KafkaJsPublisher } from '../../../../lib/publish/kafkajs.publisher';
import { keyPartitioner } from '../../../../lib/publish/key-partitioner';
import { aMessage } from '../support/a-message';
import { answering, mayGoOn } from '../support/publish-context';
import { aProducer, FakeKafka, type FakeProducer } from '../support/fake-kafkajs';

jest.mock('kafkajs', () => ({ ...jest.requireActual<object>('kafkajs'), Kafka: jest.fn() }));
// Jest's clock does not reach this module by itself.
jest.mock('node:timers/promises', () => ({
  setTimeout: (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}));

const kafkaClass = Kafka as unknown as jest.Mock<unknown, [KafkaConfig]>;

/** As the broker answers, and kafkajs throws. */
function refusal(type: string): Error {
  return Object.assign(new Error('refused'), { type });
}

describe('the publisher through kafkajs', () => {
  const options: OutboxKafkaOptions = { clientId: 'orders', brokers: ['localhost:9092'] };
  let kafka: FakeKafka;

  beforeEach(() => {
    kafka = new FakeKafka(kafkaClass);
  });
  afterEach(() => jest.useRealTimers());

  it('keeps the repeating to the relay: no retries, no idempotent producer, a bounded time', async () => {
    await new KafkaJsPublisher(options, false).connect();
    expect(kafkaClass.mock.calls[0]?.[0]).toMatchObject({
      ...options,
      retry: { retries: 0 },
      requestTimeout: 10_000,
      enforceRequestTimeout: true,
    });
    expect(kafka.settings).toEqual([
      {
        allowAutoTopicCreation: false,
        createPartitioner: keyPartitioner,
        idempotent: false,
        retry: { retries: 0 },
      },
    ]);
  });

  it('lets nothing in the options change that', async () => {
    const sly = {
      ...options,
      retry: { retries: 9 },
      requestTimeout: 1,
      enforceRequestTimeout: false,
    } as OutboxKafkaOptions;
    await new KafkaJsPublisher(sly, false).connect();
    expect(kafkaClass.mock.calls[0]?.[0]).toMatchObject({
      retry: { retries: 0 },
      requestTimeout: 10_000,
      enforceRequestTimeout: true,
    });
  });

  it('passes on the other options of kafkajs, and leaves them as they were', async () => {
    const given: OutboxKafkaOptions = Object.freeze({ ...options, ssl: true, connectionTimeout: 7 });
    await new KafkaJsPublisher(given, true).connect();
    expect(kafkaClass.mock.calls[0]?.[0]).toMatchObject({ ssl: true, connectionTimeout: 7 });
    expect(kafka.settings[0]?.allowAutoTopicCreation).toBe(true);
  });

  it('logs through Nest at the level debug, unless the options have a logger of their own', async () => {
    const debug = jest.spyOn(Logger.prototype, 'debug').mockImplementation();
    await new KafkaJsPublisher(options, false).connect();
    const entry = {
      namespace: 'Connection',
      level: logLevel.ERROR,
      label: 'ERROR',
      log: { timestamp: '', message: 'Connection error' },
    };
    kafkaClass.mock.calls[0]?.[0].logCreator?.(logLevel.ERROR)(entry);
    expect(debug.mock.calls).toEqual([['kafkajs Connection: Connection error']]);
    debug.mockRestore();

    const logCreator = (): (() => void) => () => undefined;
    await new KafkaJsPublisher({ ...options, logCreator }, false).connect();
    expect(kafkaClass.mock.calls[1]?.[0].logCreator).toBe(logCreator);
  });

  it('sends a batch in one request, acknowledged by all replicas, in its order by topic', async () => {
    const publisher = new KafkaJsPublisher(options, false);
    const batch = [
      aMessage('1', { key: 'a', value: '{"a":1}', headers: { h: 'x' } }),
      aMessage('2', { key: 'b', topic: 'bills' }),
      aMessage('3', { key: 'a' }),
    ];
    const { outcomes } = await publisher.publish(batch, mayGoOn);
    expect(outcomes.map(({ status }) => status)).toEqual(['published', 'published', 'published']);
    expect(kafka.producers[0]?.sendBatch.mock.calls).toEqual([
      [
        {
          acks: -1,
          timeout: 10_000,
          topicMessages: [
            {
              topic: 'orders',
              messages: [
                { key: 'a', value: '{"a":1}', headers: { h: 'x' } },
                { key: 'a', value: '{}', headers: {} },
              ],
            },
            { topic: 'bills', messages: [{ key: 'b', value: '{}', headers: {} }] },
          ],
        },
      ],
    ]);
  });

  it('connects once for many batches', async () => {
    const publisher = new KafkaJsPublisher(options, false);
    await publisher.connect();
    await publisher.publish([aMessage('1')], mayGoOn);
    await publisher.publish([aMessage('2')], mayGoOn);
    expect(kafka.producers).toHaveLength(1);
    expect(kafka.producers[0]?.connect).toHaveBeenCalledTimes(1);
  });

  describe('where the broker is away', () => {
    it('rejects connect, asks the broker anew each time, and connects later by itself', async () => {
      const failing = Array.from({ length: 3 }, () => aProducer());
      failing.forEach(({ connect }) => connect.mockRejectedValue(new Error('ECONNREFUSED')));
      kafka.prepared = [...failing];
      const publisher = new KafkaJsPublisher(options, false);
      await expect(publisher.connect()).rejects.toThrow('ECONNREFUSED');
      await expect(publisher.connect()).rejects.toThrow('ECONNREFUSED');
      const away = await publisher.publish([aMessage('1')], mayGoOn);
      expect(away).toEqual({ outcomes: [{ status: 'retry' }], unavailable: 'ECONNREFUSED' });
      await expect(publisher.publish([aMessage('1')], mayGoOn)).resolves.toEqual({
        outcomes: [{ status: 'published' }],
      });
      expect(kafka.producers).toHaveLength(4);
      expect(failing.map(({ disconnect }) => disconnect.mock.calls.length)).toEqual([1, 1, 1]);
    });

    it('keeps the producer of a connect that succeeds after another one has failed', async () => {
      const failing = aProducer();
      failing.connect.mockRejectedValue(new Error('ECONNREFUSED'));
      kafka.prepared = [failing];
      const publisher = new KafkaJsPublisher(options, false);
      const both = await Promise.allSettled([publisher.connect(), publisher.connect()]);
      expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      await publisher.connect();
      await publisher.publish([aMessage('1')], mayGoOn);
      expect(kafka.producers).toHaveLength(2);
    });

    it('begins with a new producer after a failed send, and closes the old one', async () => {
      const failing = aProducer();
      failing.sendBatch.mockRejectedValue(new Error('connection closed'));
      kafka.prepared = [failing];
      const publisher = new KafkaJsPublisher(options, false);
      await expect(publisher.publish([aMessage('1')], mayGoOn)).resolves.toMatchObject({
        unavailable: 'connection closed',
      });
      await expect(publisher.publish([aMessage('1')], mayGoOn)).resolves.not.toHaveProperty('unavailable');
      expect(kafka.producers).toHaveLength(2);
      expect(failing.disconnect).toHaveBeenCalledTimes(1);
    });
  });

  describe('where nothing answers', () => {
    const never = (): Promise<void> => new Promise(() => undefined);
    beforeEach(() => jest.useFakeTimers());

    it.each(['connect', 'sendBatch'] as const)('gives up after 11 seconds: %s', async (what) => {
      const hanging = aProducer();
      hanging[what].mockImplementation(never);
      kafka.prepared = [hanging];
      const publisher = new KafkaJsPublisher(options, false);
      let result: PublishResult | undefined;
      const publishing = publisher.publish([aMessage('1')], mayGoOn).then((value) => (result = value));
      await jest.advanceTimersByTimeAsync(10_999);
      expect(result).toBeUndefined();
      await jest.advanceTimersByTimeAsync(1);
      await publishing;
      expect(result).toEqual({ outcomes: [{ status: 'retry' }], unavailable: 'no answer within 11 s' });
      await expect(publisher.publish([aMessage('1')], mayGoOn)).resolves.toEqual({
        outcomes: [{ status: 'published' }],
      });
      expect(kafka.producers).toHaveLength(2);
    });
  });

  it('rejects connect after 11 seconds where nothing answers', async () => {
    jest.useFakeTimers();
    const hanging = aProducer();
    hanging.connect.mockImplementation(() => new Promise(() => undefined));
    kafka.prepared = [hanging];
    const publisher = new KafkaJsPublisher(options, false);
    const connecting = expect(publisher.connect()).rejects.toThrow('no answer within 11 s');
    await jest.advanceTimersByTimeAsync(11_000);
    await connecting;
    // What hangs is given up, and its place is free for another try.
    await expect(publisher.connect()).resolves.toBeUndefined();
    await jest.advanceTimersByTimeAsync(2000);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('keeps its producer where the message is at fault', async () => {
    const refusing = aProducer();
    refusing.sendBatch.mockRejectedValue(Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' }));
    kafka.prepared = [refusing];
    const publisher = new KafkaJsPublisher(options, false);
    await expect(publisher.publish([aMessage('1')], mayGoOn)).resolves.toEqual({
      outcomes: [{ status: 'rejected', reason: 'MESSAGE_TOO_LARGE: too large' }],
    });
    await publisher.publish([aMessage('2')], mayGoOn);
    expect(kafka.producers).toHaveLength(1);
  });

  it('begins with another of its brokers where the first is down, without a word to the relay', async () => {
    const failing = aProducer();
    failing.connect.mockRejectedValue(new Error('ECONNREFUSED'));
    kafka.prepared = [failing];
    const publisher = new KafkaJsPublisher({ brokers: ['down:9092', 'up:9092'] }, false);
    await expect(publisher.publish([aMessage('1')], mayGoOn)).resolves.toEqual({ outcomes: [{ status: 'published' }] });
    expect(kafka.brokers).toEqual([
      ['down:9092', 'up:9092'],
      ['up:9092', 'down:9092'],
    ]);
  });

  it('is unavailable where kafkajs fails without an error: nothing counts as published', async () => {
    const failing = aProducer();
    failing.sendBatch.mockRejectedValue(undefined);
    kafka.prepared = [failing];
    await expect(new KafkaJsPublisher(options, false).publish([aMessage('1')], mayGoOn)).resolves.toEqual({
      outcomes: [{ status: 'retry' }],
      unavailable: 'kafkajs failed without an error',
    });
  });

  describe('where a topic is refused', () => {
    const types = ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'TOPIC_AUTHORIZATION_FAILED'];
    const refusing = (type: string): FakeProducer => {
      const producer = aProducer();
      producer.sendBatch.mockRejectedValue(refusal(type));
      return producer;
    };
    /** Well for one request, then with the picture of a topic that is gone. */
    const staleAfterOne = (type: string): FakeProducer => {
      const producer = refusing(type);
      producer.sendBatch.mockResolvedValueOnce(undefined);
      return producer;
    };
    const requestsOf = (): number[] => kafka.producers.map(({ sendBatch }) => sendBatch.mock.calls.length);

    it.each(types)('believes a new producer at once: %s', async (type) => {
      kafka.prepared = [refusing(type)];
      const publisher = new KafkaJsPublisher(options, false);
      await expect(publisher.publish([aMessage('1')], mayGoOn)).resolves.toEqual({
        outcomes: [{ status: 'rejected', reason: `${type}: refused` }],
      });
      expect(requestsOf()).toEqual([1]);
    });

    it('believes a producer that has connected, but not sent', async () => {
      kafka.prepared = [refusing('UNKNOWN_TOPIC_OR_PARTITION')];
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.connect();
      await expect(publisher.publish([aMessage('1')], mayGoOn)).resolves.toMatchObject({
        outcomes: [{ status: 'rejected' }],
      });
      expect(requestsOf()).toEqual([1]);
    });

    it.each(types)('asks a new producer where the present one has sent before, and believes it: %s', async (type) => {
      kafka.prepared = [staleAfterOne(type)];
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.publish([aMessage('1')], mayGoOn);
      await expect(publisher.publish([aMessage('2')], mayGoOn)).resolves.toEqual({
        outcomes: [{ status: 'published' }],
      });
      expect(requestsOf()).toEqual([2, 1]);
      expect(kafka.producers[0]?.disconnect).toHaveBeenCalledTimes(1);
      expect(kafka.producers[1]?.sendBatch.mock.calls).toEqual([kafka.producers[0]?.sendBatch.mock.calls[1]]);
    });

    it('rejects where the new producer says the same', async () => {
      kafka.prepared = [staleAfterOne('UNKNOWN_TOPIC_OR_PARTITION'), refusing('UNKNOWN_TOPIC_OR_PARTITION')];
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.publish([aMessage('1')], mayGoOn);
      await expect(publisher.publish([aMessage('2')], mayGoOn)).resolves.toMatchObject({
        outcomes: [{ status: 'rejected' }],
      });
      expect(requestsOf()).toEqual([2, 1]);
    });

    it('is unavailable, and rejects nothing, where the new producer cannot connect', async () => {
      const unreachable = aProducer();
      unreachable.connect.mockRejectedValue(new Error('ECONNREFUSED'));
      kafka.prepared = [staleAfterOne('UNKNOWN_TOPIC_OR_PARTITION'), unreachable];
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.publish([aMessage('1')], mayGoOn);
      await expect(publisher.publish([aMessage('2')], mayGoOn)).resolves.toEqual({
        outcomes: [{ status: 'retry' }],
        unavailable: 'ECONNREFUSED',
      });
    });

    it('does not ask a new producer where the relay must not go on: it is not rejected, and no fault of the broker', async () => {
      kafka.prepared = [staleAfterOne('UNKNOWN_TOPIC_OR_PARTITION')];
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.publish([aMessage('1')], mayGoOn);
      await expect(publisher.publish([aMessage('2')], answering(true, false))).resolves.toEqual({
        outcomes: [{ status: 'retry' }],
      });
      expect(requestsOf()).toEqual([2]);
    });

    it('does not use a producer again that has met it, which would ask for that topic each time', async () => {
      kafka.prepared = [refusing('UNKNOWN_TOPIC_OR_PARTITION')];
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.publish([aMessage('1', { topic: 'gone' })], mayGoOn);
      await expect(publisher.publish([aMessage('2')], mayGoOn)).resolves.toEqual({
        outcomes: [{ status: 'published' }],
      });
      expect(requestsOf()).toEqual([1, 1]);
    });

    it('delivers the other topics of the batch', async () => {
      kafkaClass.mockImplementation(() => ({ producer: () => knowing('orders') }));
      const batch = [aMessage('1', { topic: 'gone' }), aMessage('2'), aMessage('3', { topic: 'gone' }), aMessage('4')];
      const { outcomes, unavailable } = await new KafkaJsPublisher(options, false).publish(batch, mayGoOn);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'published', 'rejected', 'published']);
      expect(unavailable).toBeUndefined();
    });

    /** Fails, as kafkajs does, for each topic that it was ever asked for and does not know. */
    function knowing(known: string): FakeProducer {
      const producer = aProducer();
      const asked = new Set<string>();
      producer.sendBatch.mockImplementation((request) => {
        const { topicMessages } = request as { topicMessages: { topic: string }[] };
        topicMessages.forEach(({ topic }) => asked.add(topic));
        return [...asked].every((topic) => topic === known)
          ? Promise.resolve()
          : Promise.reject(refusal('UNKNOWN_TOPIC_OR_PARTITION'));
      });
      return producer;
    }
  });

  describe('where the broker creates topics', () => {
    let requests: string[][];
    /** By topic, when it exists; one that is not here does so at once. */
    let existsAt: Map<string, number>;
    let answer: string;

    beforeEach(() => {
      jest.useFakeTimers();
      requests = [];
      existsAt = new Map();
      answer = 'UNKNOWN_TOPIC_OR_PARTITION';
      kafkaClass.mockImplementation(() => ({
        producer: () => {
          const producer = aProducer();
          producer.sendBatch.mockImplementation((request) => {
            const topics = (request as { topicMessages: { topic: string }[] }).topicMessages.map(({ topic }) => topic);
            requests.push(topics);
            const missing = topics.some((topic) => (existsAt.get(topic) ?? 0) > performance.now());
            return missing ? Promise.reject(refusal(answer)) : Promise.resolve();
          });
          kafka.producers.push(producer);
          return producer;
        },
      }));
    });

    /** What becomes of a batch, and after how many milliseconds. */
    async function published(batch: OutboxMessage[], created = true): Promise<[PublishResult, number]> {
      const began = performance.now();
      let result: PublishResult | undefined;
      void new KafkaJsPublisher(options, created).publish(batch, mayGoOn).then((value) => {
        result = value;
      });
      for (let waited = 0; result === undefined && waited < 60_000; waited += 10) {
        await jest.advanceTimersByTimeAsync(10);
      }
      expect(result).toBeDefined();
      return [result as PublishResult, performance.now() - began];
    }

    it.each(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION'])(
      'waits for one that is in creation, with a new producer for each try: %s',
      async (type) => {
        answer = type;
        existsAt.set('orders', performance.now() + 1000);
        const [result, took] = await published([aMessage('1')]);
        expect(result).toEqual({ outcomes: [{ status: 'published' }] });
        expect(took).toBeLessThan(1200);
        expect(requests.length).toBeLessThanOrEqual(12);
        expect(kafka.producers).toHaveLength(requests.length);
      },
    );

    it('waits for 3 seconds, then it is the fault of the topic', async () => {
      existsAt.set('orders', Infinity);
      const [result, took] = await published([aMessage('1')]);
      expect(result).toEqual({ outcomes: [{ status: 'rejected', reason: 'UNKNOWN_TOPIC_OR_PARTITION: refused' }] });
      expect(took).toBeGreaterThanOrEqual(3000);
      expect(took).toBeLessThan(3300);
    });

    it('waits for 3 seconds for a leader, then it is the broker that is not ready', async () => {
      answer = 'LEADER_NOT_AVAILABLE';
      existsAt.set('orders', Infinity);
      const [result, took] = await published([aMessage('1')]);
      expect(result).toEqual({ outcomes: [{ status: 'retry' }], unavailable: 'LEADER_NOT_AVAILABLE: refused' });
      expect(took).toBeGreaterThanOrEqual(3000);
      expect(took).toBeLessThan(3300);
    });

    it.each(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION'])(
      'splits several topics first, so that none waits for another: %s',
      async (type) => {
        answer = type;
        existsAt.set('new', performance.now() + 500);
        const batch = [aMessage('1', { topic: 'new' }), aMessage('2'), aMessage('3', { topic: 'new' })];
        const [result, took] = await published(batch);
        expect(result.outcomes.map(({ status }) => status)).toEqual(['published', 'published', 'published']);
        expect(result).not.toHaveProperty('unavailable');
        expect(took).toBeLessThan(1000);
        expect(requests.slice(0, 2)).toEqual([['new', 'orders'], ['new']]);
        expect(requests.at(-1)).toEqual(['orders']);
        expect(requests.filter((topics) => topics.length > 1)).toHaveLength(1);
      },
    );

    it.each(['INVALID_TOPIC_EXCEPTION', 'TOPIC_AUTHORIZATION_FAILED'])(
      'does not wait for one that is refused: %s',
      async (type) => {
        answer = type;
        existsAt.set('orders', Infinity);
        const [result, took] = await published([aMessage('1')]);
        expect(result.outcomes).toEqual([{ status: 'rejected', reason: `${type}: refused` }]);
        expect([requests.length, took]).toEqual([1, 10]);
      },
    );

    it.each([
      ['UNKNOWN_TOPIC_OR_PARTITION', 'rejected'],
      ['LEADER_NOT_AVAILABLE', 'retry'],
    ])('does not wait where that was not asked for: %s', async (type, status) => {
      answer = type;
      existsAt.set('orders', Infinity);
      const [result, took] = await published([aMessage('1')], false);
      expect(result.outcomes).toMatchObject([{ status }]);
      expect([requests.length, took]).toEqual([1, 10]);
    });

    it('does not wait for a message that is at fault', async () => {
      answer = 'MESSAGE_TOO_LARGE';
      existsAt.set('orders', Infinity);
      const [result] = await published([aMessage('1')]);
      expect([result.outcomes[0]?.status, requests.length]).toEqual(['rejected', 1]);
    });
  });

  describe('when it is disconnected', () => {
    it('closes its producer', async () => {
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.connect();
      await publisher.disconnect();
      expect(kafka.producers[0]?.disconnect).toHaveBeenCalledTimes(1);
    });

    it('has nothing to do where it was never connected', async () => {
      await expect(new KafkaJsPublisher(options, false).disconnect()).resolves.toBeUndefined();
      expect(kafka.producers).toEqual([]);
    });

    it('bears that closing fails', async () => {
      const failing = aProducer();
      failing.disconnect.mockRejectedValue(new Error('already gone'));
      kafka.prepared = [failing];
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.connect();
      await expect(publisher.disconnect()).resolves.toBeUndefined();
    });

    it.each(['the one in use', 'one that is being replaced'])(
      'does not wait for ever for a producer that does not close: %s',
      async (which) => {
        jest.useFakeTimers();
        const hanging = aProducer();
        hanging.disconnect.mockReturnValue(new Promise(() => undefined));
        kafka.prepared = [hanging];
        const publisher = new KafkaJsPublisher(options, false);
        await publisher.connect();
        if (which !== 'the one in use') {
          hanging.sendBatch.mockRejectedValue(new Error('connection closed'));
          await publisher.publish([aMessage('1')], mayGoOn);
        }
        let closed = false;
        const closing = publisher.disconnect().then(() => {
          closed = true;
        });
        await jest.advanceTimersByTimeAsync(1999);
        expect(closed).toBe(false);
        await jest.advanceTimersByTimeAsync(1);
        await closing;
        expect(jest.getTimerCount()).toBe(0);
      },
    );
  });
});
