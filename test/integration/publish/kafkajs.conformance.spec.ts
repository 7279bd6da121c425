import { Partitioners } from 'kafkajs';
import type { OutboxMessage } from '../../../lib/interfaces/outbox-publisher';
import { KafkaJsPublisher } from '../../../lib/publish/kafkajs.publisher';
import { startKafkaBroker, type KafkaPart } from '../../../tools/parts';
import type { FaultSignal } from '../../../tools/parts/service/control';
import { KafkaProxy, type Strike } from '../../conformance/kafka-proxy';
import { describePublisher, type Destination, type Fault } from '../../conformance/publisher-conformance';
import { eventually } from '../support/eventually';
import { createTopic, describeWithKafka, readWholeTopic, type ReceivedRecord } from '../support/kafka';

const PARTITIONS = 3;

/** A broker of its own, to which kafkajs is led through a proxy. */
class ProxiedBroker implements Destination {
  readonly keys = keysOfPartitions(2);
  readonly refusedTopic = 'nobody-created-this';
  readonly longestMs = { publish: 14_000, disconnect: 3000 };
  private signalled: FaultSignal | undefined;

  constructor(
    private readonly broker: KafkaPart,
    readonly proxy: KafkaProxy,
  ) {}

  static async start(): Promise<ProxiedBroker> {
    return new ProxiedBroker(await startKafkaBroker({ own: true, log: () => undefined }), await KafkaProxy.start());
  }

  publisher(): KafkaJsPublisher {
    const { socketFactory } = this.proxy;
    const logCreator = (): (() => void) => () => undefined;
    return new KafkaJsPublisher({ brokers: [...this.broker.brokers], socketFactory, logCreator }, false);
  }

  createTopic(): Promise<string> {
    const configEntries = [{ name: 'max.message.bytes', value: '600000' }];
    const topic = { on: [...this.broker.brokers], partitions: PARTITIONS, configEntries };
    // A broker that has just hung or started again knows a new topic only after a while.
    return eventually('a topic', () => createTopic(topic));
  }

  read(topic: string): Promise<readonly ReceivedRecord[]> {
    return readWholeTopic(topic, [...this.broker.brokers]);
  }

  /** Small enough to go together with others into a request, and too large for the topic. */
  refused(message: OutboxMessage): OutboxMessage {
    return { ...message, value: 'x'.repeat(700_000) };
  }

  openConnections(): number {
    return this.proxy.openConnections;
  }

  async signal(signal: FaultSignal): Promise<void> {
    this.signalled = signal;
    await this.broker.kill(signal);
  }

  async recover(): Promise<void> {
    this.proxy.recover();
    if (this.signalled !== undefined) {
      await (this.signalled === 'SIGSTOP' ? this.broker.kill('SIGCONT') : this.broker.start());
      this.signalled = undefined;
    }
  }

  async stop(): Promise<void> {
    await this.recover();
    await Promise.all([this.proxy.close(), this.broker.stop()]);
  }
}

/** So many keys for each partition, in turn. */
function keysOfPartitions(each: number): string[] {
  const partition = Partitioners.DefaultPartitioner();
  const metadata = Array.from({ length: PARTITIONS }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 1,
    replicas: [1],
    isr: [1],
  }));
  const keys = Array.from({ length: PARTITIONS }, (): string[] => []);
  for (let n = 0; keys.some(({ length }) => length < each); n++) {
    const message = { key: `key-${n}`, value: '' };
    keys[partition({ topic: '', partitionMetadata: metadata, message })]?.push(message.key);
  }
  return Array.from({ length: each }, (_, n) => keys.map((ofPartition) => ofPartition[n] ?? '')).flat();
}

const end = (destination: ProxiedBroker): Promise<void> => destination.recover();

const once = (how: Strike, request: number): Fault<ProxiedBroker> => ({
  name: `request ${request} meets this: ${how}`,
  lasts: false,
  begin: ({ proxy }) => proxy.strikeOnce(how, request),
  end,
});

describePublisher('kafkajs', {
  describe: describeWithKafka,
  start: () => ProxiedBroker.start(),
  faults: [
    once('cut before the request', 1),
    once('cut in the middle of the request', 2),
    once('cut between request and answer', 1),
    once('cut between request and answer', 2),
    once('silent after the request', 2),
    { name: 'the broker refuses connections', lasts: true, begin: ({ proxy }) => proxy.refuse(), end },
    { name: 'the broker hangs (SIGSTOP)', lasts: true, begin: (destination) => destination.signal('SIGSTOP'), end },
    { name: 'the broker is killed', lasts: true, begin: (destination) => destination.signal('SIGKILL'), end },
  ],
});
