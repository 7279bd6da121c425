import type { KafkaConfig, Producer, ProducerConfig } from 'kafkajs';

export type FakeProducer = Record<'connect' | 'sendBatch' | 'disconnect', jest.Mock<Promise<void>, unknown[]>>;

/** A producer that is well. */
export function aProducer(): FakeProducer {
  const resolving = (): jest.Mock<Promise<void>, unknown[]> => jest.fn(() => Promise.resolve());
  return { connect: resolving(), sendBatch: resolving(), disconnect: resolving() };
}

/** A producer that cannot connect. */
export function anUnreachableProducer(message: string): FakeProducer {
  const producer = aProducer();
  producer.connect.mockRejectedValue(new Error(message));
  return producer;
}

/** Stands in for the class Kafka, which the test has to mock, and notes what is made of it. */
export class FakeKafka {
  readonly producers: FakeProducer[] = [];
  readonly settings: ProducerConfig[] = [];

  /** @param prepared what the next producers are; after these they are simply well */
  constructor(
    readonly kafkaClass: jest.Mock<unknown, [KafkaConfig]>,
    public prepared: FakeProducer[] = [],
  ) {
    kafkaClass.mockReset().mockImplementation(() => ({
      producer: (config: ProducerConfig): Producer => {
        const producer = this.prepared.shift() ?? aProducer();
        this.producers.push(producer);
        this.settings.push(config);
        return producer as unknown as Producer;
      },
    }));
  }

  /** The bootstrap brokers that each producer was given. */
  get brokers(): KafkaConfig['brokers'][] {
    return this.kafkaClass.mock.calls.map(([config]) => config.brokers);
  }
}
