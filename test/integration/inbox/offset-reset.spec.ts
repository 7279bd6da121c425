import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually';
import { EffectConsumer, produceEvents, setBack, type EffectConsumerOptions } from '../support/inbox-kafka';
import { InboxSuite } from '../support/inbox-suite';
import { createTopic, describeWithKafka } from '../support/kafka';

const COUNT = 700;

describeWithKafka('Offsets that are set back to the beginning', () => {
  const suite = InboxSuite.declare();

  it.each(['eachMessage', 'eachBatch'] as const)(
    'have every record delivered again by %s, and no effect applied again',
    async (by) => {
      const topic = await createTopic({ partitions: 3 });
      const groupId = `test-${randomUUID()}`;
      const ids = await produceEvents(topic, COUNT);
      const options: EffectConsumerOptions = { app: suite.app, topic, groupId, by };

      const first = await EffectConsumer.start(options);
      await eventually('every record to be handled', async () => (await suite.left()).handled.length === COUNT);
      await first.stop();
      for (let n = 0; n < 2; n++) {
        await setBack(groupId, topic);
        const again = await EffectConsumer.start(options);
        await eventually('every record to be skipped', () => again.ends.skipped >= COUNT);
        await again.stop();
        expect(again.ends.processed).toBe(0);
      }
      const { handled, effects } = await suite.left();
      expect(effects).toEqual(ids);
      expect(handled).toEqual(ids);
    },
  );

  it('in the middle of a topic that is still written to have what is new handled, and the rest skipped', async () => {
    const topic = await createTopic({ partitions: 3 });
    const groupId = `test-${randomUUID()}`;
    const old = await produceEvents(topic, COUNT);
    const options: EffectConsumerOptions = { app: suite.app, topic, groupId };
    const first = await EffectConsumer.start(options);
    await eventually('some records to be handled', () => first.ends.processed >= 100);
    await first.stop();
    const before = first.ends.processed;

    await setBack(groupId, topic);
    const again = await EffectConsumer.start(options);
    await eventually('the rest to be handled', () => again.ends.processed + before === COUNT);
    await eventually('the others to be skipped', () => again.ends.skipped >= before);
    await again.stop();
    expect((await suite.left()).effects).toEqual(old);
  });
});
