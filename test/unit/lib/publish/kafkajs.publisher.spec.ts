import { Logger } from '@nestjs/common';
import { Kafka, logLevel, Partitioners, type KafkaConfig, type Producer, type ProducerConfig } from 'kafkajs';
import type { OutboxKafkaOptions } from '../../../../lib/config/outbox-options';
import { KafkaJsPublisher } from '../../../../lib/publish/kafkajs.publisher';
import { aMessage } from '../support/a-message';

jest.mock('kafkajs', () => ({ ...jest.requireActual<object>('kafkajs'), Kafka: jest.fn() }));

const kafkaClass = Kafka as unknown as jest.Mock<unknown, [KafkaConfig]>;

type FakeProducer = Record<'connect' | 'sendBatch' | 'disconnect', jest.Mock<Promise<void>, unknown[]>>;

function aProducer(): FakeProducer {
  const resolving = (): jest.Mock<Promise<void>, unknown[]> => jest.fn(() => Promise.resolve());
  return { connect: resolving(), sendBatch: resolving(), disconnect: resolving() };
}

describe('the publisher through kafkajs', () => {
  const options: OutboxKafkaOptions = { clientId: 'orders', brokers: ['localhost:9092'] };
  let producers: FakeProducer[];
  /** What the next producers are, where they are not simply well. */
  let prepared: FakeProducer[];
  let settings: ProducerConfig[];

  beforeEach(() => {
    producers = [];
    prepared = [];
    settings = [];
    kafkaClass.mockReset().mockImplementation(() => ({
      producer: (config: ProducerConfig): Producer => {
        const producer = prepared.shift() ?? aProducer();
        producers.push(producer);
        settings.push(config);
        return producer as unknown as Producer;
      },
    }));
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
    expect(settings).toEqual([
      {
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
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
    expect(settings[0]?.allowAutoTopicCreation).toBe(true);
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
    const { outcomes } = await publisher.publish(batch);
    expect(outcomes.map(({ status }) => status)).toEqual(['published', 'published', 'published']);
    expect(producers[0]?.sendBatch.mock.calls).toEqual([
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
    await publisher.publish([aMessage('1')]);
    await publisher.publish([aMessage('2')]);
    expect(producers).toHaveLength(1);
    expect(producers[0]?.connect).toHaveBeenCalledTimes(1);
  });

  describe('where the broker is away', () => {
    it('rejects connect, and connects later by itself', async () => {
      const failing = aProducer();
      failing.connect.mockRejectedValue(new Error('ECONNREFUSED'));
      prepared = [failing];
      const publisher = new KafkaJsPublisher(options, false);
      await expect(publisher.connect()).rejects.toThrow('ECONNREFUSED');
      const away = await publisher.publish([aMessage('1')]);
      expect(away).toEqual({ outcomes: [{ status: 'retry' }], unavailable: 'ECONNREFUSED' });
      await expect(publisher.publish([aMessage('1')])).resolves.toEqual({ outcomes: [{ status: 'published' }] });
      expect(failing.disconnect).toHaveBeenCalledTimes(1);
    });

    it('begins with a new producer after a failed send, and closes the old one', async () => {
      const failing = aProducer();
      failing.sendBatch.mockRejectedValue(new Error('connection closed'));
      prepared = [failing];
      const publisher = new KafkaJsPublisher(options, false);
      await expect(publisher.publish([aMessage('1')])).resolves.toMatchObject({ unavailable: 'connection closed' });
      await expect(publisher.publish([aMessage('1')])).resolves.not.toHaveProperty('unavailable');
      expect(producers).toHaveLength(2);
      expect(failing.disconnect).toHaveBeenCalledTimes(1);
    });
  });

  it('keeps its producer where the message is at fault', async () => {
    const refusing = aProducer();
    refusing.sendBatch.mockRejectedValue(Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' }));
    prepared = [refusing];
    const publisher = new KafkaJsPublisher(options, false);
    await expect(publisher.publish([aMessage('1')])).resolves.toEqual({
      outcomes: [{ status: 'rejected', reason: 'MESSAGE_TOO_LARGE: too large' }],
    });
    await publisher.publish([aMessage('2')]);
    expect(producers).toHaveLength(1);
  });

  describe('when it is disconnected', () => {
    it('closes its producer', async () => {
      const publisher = new KafkaJsPublisher(options, false);
      await publisher.connect();
      await publisher.disconnect();
      expect(producers[0]?.disconnect).toHaveBeenCalledTimes(1);
    });

    it('has nothing to do where it was never connected', async () => {
      await expect(new KafkaJsPublisher(options, false).disconnect()).resolves.toBeUndefined();
      expect(producers).toEqual([]);
    });

    it('bears that closing fails', async () => {
      const failing = aProducer();
      failing.disconnect.mockRejectedValue(new Error('already gone'));
      prepared = [failing];
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
        prepared = [hanging];
        const publisher = new KafkaJsPublisher(options, false);
        await publisher.connect();
        if (which !== 'the one in use') {
          hanging.sendBatch.mockRejectedValue(new Error('connection closed'));
          await publisher.publish([aMessage('1')]);
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
