import {
  addBacklog,
  completeAndInOrder,
  deliveries,
  lanesByOwner,
  nothingPending,
  progress,
} from '../../support/process-backlog';
import { createDatabase } from '../../support/database';
import { eventually } from '../../support/eventually';
import { createTopic, describeWithKafka, readTopic } from '../../support/kafka';
import { startOutboxApp } from '../../support/outbox-app';
import { LEASE_SECONDS, RelayProcess } from '../../support/relay-process';

jest.setTimeout(420_000);

const BATCH = 50;
const COUNT = 5000;
const START_SECONDS = 60;

describeWithKafka('A relay process that freezes (SIGSTOP) beyond its lease, about to send a batch', () => {
  it('sends it when it goes on, but can settle none of it: its successor delivers it again, in order, and it takes its share', async () => {
    const database = await createDatabase();
    const topic = await createTopic();
    const writer = await startOutboxApp({ url: database.url });
    await addBacklog(writer, topic, COUNT);
    const start = (freezeBeforeSend: number): Promise<RelayProcess> =>
      RelayProcess.start({ url: database.url, outbox: { batchSize: BATCH }, freezeBeforeSend });

    const first = await start(20);
    const former = await first.owner();
    await first.says(/^frozen$/m);
    // It owns all lanes when its lease has run out, and then hesitates, so that the late batch comes before its own.
    const second = await start(1);
    const successor = await second.owner(LEASE_SECONDS + START_SECONDS);
    await second.says(/^frozen$/m);
    expect(await lanesByOwner(database)).toEqual({ [successor]: 64 });
    // Later events of the same keys.
    await addBacklog(writer, topic, COUNT);
    const { published } = await progress(database);
    expect(published).toBeGreaterThan(0);
    const reader = await readTopic(topic);
    await eventually('what was sent before', () => reader.records.length >= published);
    const read = reader.records.length;

    await first.kill('SIGCONT');
    await first.says(/^settled$/m);
    expect(await progress(database)).toMatchObject({ published });
    await eventually('the late batch', () => reader.records.length >= read + BATCH);
    await reader.stop();

    await second.kill('SIGCONT');
    await eventually('even shares', async () => {
      const shares = await lanesByOwner(database);
      return shares[former] === 32 && shares[successor] === 32;
    });
    await addBacklog(writer, topic, COUNT);
    expect(await nothingPending(database)).toMatchObject({ published: 3 * COUNT, attempts: 0, dead: 0 });
    const result = await deliveries(database, topic);
    expect(result).toEqual(completeAndInOrder(3 * COUNT));
    expect(result.duplicates).toBeGreaterThanOrEqual(BATCH);

    expect(await first.kill('SIGTERM')).toBe(0);
    expect(await second.kill('SIGTERM')).toBe(0);
    expect(await lanesByOwner(database)).toEqual({});
    await writer.close();
    await database.drop();
  });
});
