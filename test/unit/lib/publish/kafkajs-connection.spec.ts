import { Kafka, type KafkaConfig, type Producer } from 'kafkajs';
import { KafkaJsConnection } from '../../../../lib/publish/kafkajs-connection';
import { aProducer, anUnreachableProducer, FakeKafka } from '../support/fake-kafkajs';

jest.mock('kafkajs', () => ({ ...jest.requireActual<object>('kafkajs'), Kafka: jest.fn() }));

describe('the connection through kafkajs', () => {
  const brokers = ['one:9092', 'two:9092', 'three:9092'];
  let kafka: FakeKafka;
  let connection: KafkaJsConnection;

  beforeEach(() => {
    kafka = new FakeKafka(Kafka as unknown as jest.Mock<unknown, [KafkaConfig]>);
    connection = new KafkaJsConnection({ brokers }, false);
  });
  afterEach(() => jest.useRealTimers());

  const use = (): Promise<Producer> => connection.use((producer) => Promise.resolve(producer));

  describe('begins', () => {
    it('with the brokers as they are listed', async () => {
      await connection.open();
      expect(kafka.brokers).toEqual([brokers]);
    });

    it('with each of the others in turn, while it cannot connect: kafkajs would always ask the first', async () => {
      kafka.prepared = [anUnreachableProducer('one is down'), anUnreachableProducer('two is down')];
      await expect(connection.open()).resolves.toBeUndefined();
      expect(kafka.brokers).toEqual([
        ['one:9092', 'two:9092', 'three:9092'],
        ['two:9092', 'three:9092', 'one:9092'],
        ['three:9092', 'one:9092', 'two:9092'],
      ]);
      await expect(use()).resolves.toBe(kafka.producers[2]);
    });

    it('with none twice: once all are down it fails with the last failure, and closes what it has opened', async () => {
      kafka.prepared = ['one', 'two', 'three'].map((name) => anUnreachableProducer(`${name} is down`));
      await expect(connection.open()).rejects.toThrow('three is down');
      expect(kafka.producers).toHaveLength(3);
      expect(kafka.producers.map(({ disconnect }) => disconnect.mock.calls.length)).toEqual([1, 1, 1]);
    });

    it('with another broker after a producer was thrown away: the one of before may be what is wrong', async () => {
      await use();
      connection.discard();
      await use();
      connection.discard();
      await use();
      connection.discard();
      await use();
      expect(kafka.brokers.map((list) => (list as string[])[0])).toEqual([
        'one:9092',
        'two:9092',
        'three:9092',
        'one:9092',
      ]);
    });

    it('with what a function lists, asked anew and turned further for each connection, once for each', async () => {
      const list = jest.fn(() => Promise.resolve(brokers));
      connection = new KafkaJsConnection({ brokers: list }, false);
      kafka.prepared = [anUnreachableProducer('down')];
      await expect(connection.open()).rejects.toThrow('down');
      connection.discard();
      await connection.open();
      expect(kafka.brokers).toHaveLength(2);
      const [first, second] = kafka.brokers as (() => Promise<string[]>)[];
      await expect(first?.()).resolves.toEqual(brokers);
      await expect(second?.()).resolves.toEqual(['two:9092', 'three:9092', 'one:9092']);
      expect(list).toHaveBeenCalledTimes(2);
    });

    it('with what a function lists at once', async () => {
      connection = new KafkaJsConnection({ brokers: () => ['four:9092'] }, false);
      await connection.open();
      await expect((kafka.brokers[0] as () => Promise<string[]>)()).resolves.toEqual(['four:9092']);
    });

    it('leaving an empty list from a function to kafkajs, which says so', async () => {
      connection = new KafkaJsConnection({ brokers: () => [] }, false);
      await connection.open();
      await expect((kafka.brokers[0] as () => Promise<string[]>)()).resolves.toEqual([]);
    });

    it('without a change to the list that it was given', async () => {
      const given = Object.freeze([...brokers]) as string[];
      connection = new KafkaJsConnection({ brokers: given }, false);
      kafka.prepared = [anUnreachableProducer('down')];
      await connection.open();
      expect(given).toEqual(brokers);
    });
  });

  describe('is fresh', () => {
    it('before there is a producer, and when there is one that was not used', async () => {
      expect(connection.fresh).toBe(true);
      await connection.open();
      expect(connection.fresh).toBe(true);
    });

    it('until the first use, be it in vain', async () => {
      await use();
      expect(connection.fresh).toBe(false);
      connection.discard();
      await expect(connection.use(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
      expect(connection.fresh).toBe(false);
    });

    it('not any more while the first use is under way', async () => {
      let seen: boolean | undefined;
      await connection.use(() => {
        seen = connection.fresh;
        return Promise.resolve();
      });
      expect(seen).toBe(false);
    });

    it('again after the producer was thrown away, and while and after the next one is opened', async () => {
      await use();
      connection.discard();
      expect(connection.fresh).toBe(true);
      const opening = connection.open();
      expect(connection.fresh).toBe(true);
      await opening;
      expect(connection.fresh).toBe(true);
    });

    it('where no producer could be connected', async () => {
      connection = new KafkaJsConnection({ brokers: ['one:9092'] }, false);
      kafka.prepared = [anUnreachableProducer('down')];
      await expect(use()).rejects.toThrow('down');
      expect(connection.fresh).toBe(true);
    });
  });

  it('is one for uses and openings at the same time', async () => {
    const [, one, other] = await Promise.all([connection.open(), use(), use()]);
    expect(one).toBe(other);
    expect(kafka.producers).toHaveLength(1);
  });

  it('gives what the work gives', async () => {
    await expect(connection.use(() => Promise.resolve(7))).resolves.toBe(7);
  });

  describe('when it is thrown away', () => {
    it('does not make the next use wait for the old producer to close', async () => {
      const hanging = aProducer();
      hanging.disconnect.mockReturnValue(new Promise(() => undefined));
      kafka.prepared = [hanging];
      await use();
      jest.useFakeTimers();
      connection.discard();
      await expect(use()).resolves.toBe(kafka.producers[1]);
      await jest.advanceTimersByTimeAsync(2000);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('closes a producer that was still connecting', async () => {
      const opening = connection.open();
      connection.discard();
      await opening;
      await connection.close();
      expect(kafka.producers[0]?.disconnect).toHaveBeenCalledTimes(1);
    });

    it('has nothing to close where there is no producer', () => {
      connection.discard();
      expect(kafka.producers).toEqual([]);
    });

    it('closes each producer once, however often', async () => {
      await use();
      connection.discard();
      connection.discard();
      await connection.close();
      expect(kafka.producers[0]?.disconnect).toHaveBeenCalledTimes(1);
    });
  });

  it('when it is closed waits for those that are still closing', async () => {
    const slow = aProducer();
    let finish = (): void => undefined;
    slow.disconnect.mockReturnValue(
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
    );
    kafka.prepared = [slow];
    await use();
    connection.discard();
    await use();
    let closed = false;
    const closing = connection.close().then(() => {
      closed = true;
    });
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    expect(kafka.producers[1]?.disconnect).toHaveBeenCalledTimes(1);
    finish();
    await closing;
  });
});
