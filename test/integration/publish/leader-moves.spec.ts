import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaJsPublisher } from '../../../lib/publish/kafkajs.publisher';
import { PartsError, startKafkaPair, type KafkaPart } from '../../../tools/parts';
import { Deliveries } from '../../conformance/deliveries';
import { eventually } from '../support/eventually';
import { createTopic, describeWithKafka, leadersOf, readWholeTopic } from '../support/kafka';

describeWithKafka('When partitions change their leader', () => {
  let pair: [KafkaPart, KafkaPart] | undefined;

  beforeAll(async () => {
    try {
      pair = await startKafkaPair({ log: () => undefined });
    } catch (error) {
      if (process.env['CI'] !== undefined || !(error instanceof PartsError)) {
        throw error;
      }
      console.warn(`SKIPPED, as it needs a JDK and Maven: ${error.message}`);
    }
  });
  afterAll(() => Promise.all([...(pair ?? [])].reverse().map((broker) => broker.stop())));

  const logCreator = (): (() => void) => () => undefined;

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'as their broker ends (%s), what was acknowledged is there, in the order of each key, and delivery goes on',
    async (signal) => {
      if (pair === undefined) {
        return;
      }
      const [first, second] = pair;
      const brokers = [...second.brokers, ...first.brokers];
      const topic = await eventually('a topic', () => createTopic({ on: brokers, replicas: 2 }));
      await eventually('both brokers to lead', async () => (await leadersOf(topic, brokers)).join() === '1,2');
      const publisher = new KafkaJsPublisher({ brokers, logCreator }, false);
      const deliveries = new Deliveries(publisher, 14_000);
      const keys = Array.from({ length: 30 }, (_, n) => `key-${n}`);
      let failures = 0;
      /** Publishes so many batches, with what was left over of the one before in each. */
      const stream = async (batches: number): Promise<void> => {
        for (let batch = 0; batch < batches; batch++) {
          deliveries.add(topic, keys, 100);
          const { became, unavailable } = await deliveries.publish();
          failures += unavailable === undefined ? 0 : 1;
          expect(became).not.toContain('X');
          await sleep(5);
        }
      };

      await stream(10);
      const ending = second.kill(signal);
      await stream(20);
      await ending;
      await deliveries.finish();
      // Else nothing was tried.
      expect(failures).toBeGreaterThan(0);
      expect(await leadersOf(topic, [...first.brokers])).toEqual([1]);

      const starting = second.start();
      await stream(50);
      await starting;
      await stream(10);
      await deliveries.finish();
      await publisher.disconnect();
      deliveries.check(topic, await readWholeTopic(topic, brokers));
    },
  );
});
