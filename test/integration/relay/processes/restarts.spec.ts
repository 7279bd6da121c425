import { startKafkaBroker, startPostgres } from '../../../../tools/parts';
import {
  addBacklog,
  completeAndInOrder,
  deliveries,
  nothingPending,
  progress,
  published,
  type Queryable,
} from '../../support/process-backlog';
import { endedAtLast } from '../../support/cleanup';
import { createDatabase, reconnecting } from '../../support/database';
import { createTopic, describeWithKafka } from '../../support/kafka';
import { startOutboxApp } from '../../support/outbox-app';
import { RelayProcess } from '../../support/relay-process';

jest.setTimeout(420_000);

const COUNT = 10_000;
const quiet = { own: true, log: () => undefined };

/** Starts a relay process on a backlog, with batches so small that it takes a while. */
async function drainBacklog(url: string, topic: string, brokers?: readonly string[]): Promise<RelayProcess> {
  const writer = await startOutboxApp({ url });
  await addBacklog(writer, topic, COUNT);
  await writer.close();
  return RelayProcess.start({ url, outbox: { batchSize: 25 }, ...(brokers && { brokers }) });
}

async function expectInMiddle(database: Queryable): Promise<void> {
  const { pending } = await progress(database);
  expect(pending).toBeGreaterThan(0);
}

describeWithKafka('A drain by a relay process', () => {
  it('survives two restarts of the database, the second an immediate one: it resumes by itself, loses nothing and keeps the order', async () => {
    const postgres = await startPostgres(quiet);
    const stopPostgres = endedAtLast(() => postgres.stop());
    const database = reconnecting(postgres.url);
    const topic = await createTopic();
    const relay = await drainBacklog(postgres.url, topic);
    for (const [signal, delivered] of [
      ['SIGINT', 500],
      ['SIGQUIT', 3000],
    ] as const) {
      await published(database, delivered);
      await postgres.kill(signal);
      await postgres.start();
      await expectInMiddle(database);
    }
    expect(await nothingPending(database)).toMatchObject({ published: COUNT, attempts: 0, dead: 0 });
    expect(await deliveries(database, topic)).toEqual(completeAndInOrder(COUNT));
    expect(await relay.kill('SIGTERM')).toBe(0);
    await stopPostgres();
  });

  it('waits while the broker is stopped, tells it once, and goes on by itself when it is back, without charging an attempt', async () => {
    const broker = await startKafkaBroker(quiet);
    const stopBroker = endedAtLast(() => broker.stop());
    const brokers = [...broker.brokers];
    const database = await createDatabase();
    const topic = await createTopic({ on: brokers });
    const relay = await drainBacklog(database.url, topic, brokers);
    await published(database, 500);
    await broker.kill('SIGTERM');
    await relay.says(/cannot be reached/);
    await expectInMiddle(database);
    await broker.start();
    expect(await nothingPending(database)).toMatchObject({ published: COUNT, attempts: 0, dead: 0 });
    expect((await relay.output()).match(/cannot be reached/g)).toHaveLength(1);
    expect(await deliveries(database, topic, brokers)).toEqual(completeAndInOrder(COUNT));
    expect(await relay.kill('SIGTERM')).toBe(0);
    await stopBroker();
    await database.drop();
  });
});
