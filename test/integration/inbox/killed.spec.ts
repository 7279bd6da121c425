import { randomUUID } from 'node:crypto';
import { ConsumerProcess, type ConsumerProcessOptions } from '../support/consumer-process';
import { eventually } from '../support/eventually';
import { produceEvents } from '../support/inbox-kafka';
import { InboxSuite } from '../support/inbox-suite';
import { createTopic, describeWithKafka } from '../support/kafka';

jest.setTimeout(420_000);

const COUNT = 200;

describeWithKafka('A consumer process that is killed (kill -9)', () => {
  const suite = InboxSuite.declare();

  it.each(['eachMessage', 'eachBatch'] as const)(
    'between the commit of the database and that of the offsets, or before both, has each effect applied once by %s',
    async (by) => {
      const topic = await createTopic({ partitions: 1 });
      const groupId = `test-${randomUUID()}`;
      const start = (hang?: ConsumerProcessOptions['hang']): Promise<ConsumerProcess> =>
        ConsumerProcess.start({ url: suite.database.url, topic, groupId, by, ...(hang && { hang }) });
      const effects = async (): Promise<readonly string[]> => (await suite.left()).effects;
      const ids = await produceEvents(topic, COUNT);

      const first = await start({ where: 'after commit', at: 25 });
      const [, committed] = await first.says(/^committed (\S+)$/m);
      await first.kill();
      const after = await effects();
      expect(after).toContain(committed);
      expect(after.length).toBeGreaterThanOrEqual(25);

      // More of them, so that there is something left to be handled.
      const more = await produceEvents(topic, COUNT, COUNT);
      const second = await start({ where: 'before commit', at: 10 });
      // Not before the session of the killed one has run out.
      const [, written] = await second.says(/^written (\S+)$/m);
      expect(await second.skipped()).toContain(committed);
      await second.kill();
      expect(await effects()).not.toContain(written);

      const third = await start();
      const all = [...ids, ...more];
      await eventually('every record to be handled', async () => (await effects()).length >= all.length);
      expect(await effects()).toEqual(all);
      expect((await suite.left()).handled).toEqual(all);
      await third.kill();
    },
  );
});
