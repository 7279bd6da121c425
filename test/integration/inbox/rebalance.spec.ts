import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually';
import { EffectConsumer, produceEvents } from '../support/inbox-kafka';
import { InboxSuite, startInboxApp } from '../support/inbox-suite';
import { createTopic, describeWithKafka } from '../support/kafka';
import { gate } from '../support/transaction-suite';

const COUNT = 300;
const STUCK_AT = 40;

describeWithKafka('A rebalance while a record is in flight', () => {
  const suite = InboxSuite.declare();

  it.each(['eachMessage', 'eachBatch'] as const)(
    'has it delivered to another consumer by %s, with those whose offsets were not committed: each effect is applied once',
    async (by) => {
      const topic = await createTopic({ partitions: 4 });
      const groupId = `test-${randomUUID()}`;
      const ids = await produceEvents(topic, COUNT);
      const other = await startInboxApp({ url: suite.database.url });

      // Says nothing to the broker while it is stuck, and so loses its partitions to the other one.
      const stuck = gate();
      const going = gate();
      let effects = 0;
      const during = async (): Promise<void> => {
        if (++effects === STUCK_AT) {
          stuck.open();
          await going.opened;
        }
      };
      const first = await EffectConsumer.start({ app: suite.app, topic, groupId, by, during });
      await stuck.opened;
      const second = await EffectConsumer.start({ app: other, topic, groupId, by });
      // It was given the record, and waits for what has become of it.
      await suite.waiting();
      going.open();

      await eventually('every record to be handled', async () => (await suite.left()).handled.length === COUNT);
      await eventually('the record in flight to be skipped', () => second.ends.skipped > 0);
      await Promise.all([first.stop(), second.stop()]);
      const left = await suite.left();
      expect(left.effects).toEqual(ids);
      expect(left.handled).toEqual(ids);
      await other.close();
    },
  );

  it('of consumers that come and go does not have an effect applied twice', async () => {
    const topic = await createTopic({ partitions: 6 });
    const groupId = `test-${randomUUID()}`;
    const ids = await produceEvents(topic, 2000);
    const other = await startInboxApp({ url: suite.database.url });
    const consumers = [await EffectConsumer.start({ app: suite.app, topic, groupId })];
    const processed = (): number => consumers.reduce((sum, { ends }) => sum + ends.processed, 0);
    for (let n = 0; n < 4 && processed() < ids.length; n++) {
      const before = processed();
      const consumer = await EffectConsumer.start({ app: other, topic, groupId });
      consumers.push(consumer);
      await eventually('it to take part', () => processed() > before || processed() === ids.length);
      await consumer.stop();
    }
    await eventually('every record to be handled', () => processed() === ids.length);
    await consumers[0]?.stop();
    expect((await suite.left()).effects).toEqual(ids);
    await other.close();
  });
});
