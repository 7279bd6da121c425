import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually';
import { EffectConsumer, produce } from '../support/inbox-kafka';
import { InboxSuite, startInboxApp } from '../support/inbox-suite';
import { createTopic, describeWithKafka, readWholeTopic, sharedBrokers } from '../support/kafka';

const VALUE = '{ "n": 12345678901234567890, "a":1.0,  "z":"\\u00fc" }';

describeWithKafka('A message that fails, with a retry topic', () => {
  const suite = InboxSuite.declare();

  it('holds up nobody: it comes there with the same key and bytes, and is handled by the consumer of that, once', async () => {
    const relay = await startInboxApp({
      url: suite.database.url,
      outbox: { kafka: { brokers: sharedBrokers() }, pollIntervalSeconds: 0.1 },
    });
    const [topic, retryTopic] = [await createTopic({ partitions: 1 }), await createTopic()];
    const bad = { key: 'order-7', value: VALUE, headers: { ce_id: 'bad', 'x-tenant': 'eu' } };
    const good = ['a', 'b', 'c'].map((id) => ({ key: id, value: '{}', headers: { ce_id: id } }));
    await produce(topic, [good[0]!, bad, good[1]!, bad, good[2]!]);

    const failing = (id: string): void => {
      if (id === 'bad') {
        throw new Error('no stock');
      }
    };
    const first = await EffectConsumer.start({
      app: suite.app,
      topic,
      groupId: `test-${randomUUID()}`,
      during: failing,
      inbox: { maxAttempts: 1, retryTopic },
    });
    const second = await EffectConsumer.start({ app: suite.app, topic: retryTopic, groupId: `test-${randomUUID()}` });
    await eventually('the retry', () => second.ends.processed === 1);
    await eventually('the others', () => first.ends.processed === 3);
    await Promise.all([first.stop(), second.stop()]);
    await relay.close();

    expect(first.ends).toEqual({ processed: 3, skipped: 1, retried: 1, dead: 0 });
    expect((await suite.left()).effects).toEqual(['a', 'b', 'bad', 'c']);
    const records = await readWholeTopic(retryTopic);
    expect(records).toMatchObject([
      { key: 'order-7', value: VALUE, headers: { 'x-tenant': 'eu', 'inbox-message-id': 'bad', 'inbox-topic': topic } },
    ]);
    expect(records[0]?.headers['ce_id']).not.toBe('bad');
  });
});
