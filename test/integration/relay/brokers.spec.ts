import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { startKafkaBroker } from '../../../tools/parts';
import { endedAtLast } from '../support/cleanup';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { createTopic, deleteTopic, describeWithKafka, sharedBrokers } from '../support/kafka';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

/** An address on which nothing listens. */
async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${String(port)}`;
}

describeWithKafka('A cluster that is not as it was', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
  });

  afterEach(() => database.drop());

  const published = async (app: OutboxApp, id: string): Promise<boolean> =>
    (await app.outbox.getEventById(id))?.publishedAt instanceof Date;
  const add = (app: OutboxApp, topic: string, aggregateId = 'a'): Promise<string> =>
    app.dataSource.transaction(() => app.outbox.addEvent(anEvent({ topic, aggregateId })));

  it('does not stop delivery when the first of the listed brokers is down', async () => {
    const topic = await createTopic();
    const app = await startOutboxApp({
      url: database.url,
      outbox: { kafka: { brokers: [await deadAddress(), await deadAddress(), ...sharedBrokers()] } },
    });
    const id = await add(app, topic);
    await eventually('delivery', () => published(app, id));
    await app.close();
  });

  it('does not make other topics suffer when one that was used is deleted', async () => {
    const [kept, deleted, later] = [await createTopic(), await createTopic(), await createTopic()];
    const app = await startOutboxApp({ url: database.url, outbox: { kafka: { brokers: sharedBrokers() } } });
    const first = [await add(app, kept, 'k'), await add(app, deleted, 'd')];
    await eventually('delivery', async () => (await published(app, first[0]!)) && (await published(app, first[1]!)));

    await deleteTopic(deleted);
    const toLater = await add(app, later, 'l');
    const toKept = await add(app, kept, 'k');
    await eventually(
      'delivery to the others',
      async () => (await published(app, toLater)) && (await published(app, toKept)),
    );
    for (const id of [toLater, toKept]) {
      expect((await app.outbox.getEventById(id))?.attempts).toBe(0);
    }
    await app.close();
  });

  it('where topics are not created although that was asked for, refuses the event and delivers the others', async () => {
    const broker = await startKafkaBroker({ own: true, log: () => undefined });
    const stopBroker = endedAtLast(() => broker.stop());
    const topic = await createTopic({ on: [...broker.brokers] });
    const app = await startOutboxApp({
      url: database.url,
      outbox: { kafka: { brokers: [...broker.brokers] }, allowAutoTopicCreation: true },
    });
    // No broker creates a topic of this name: "__" is for its own.
    const mistyped = '__consumer_offset';
    const [refused, ...good] = await app.dataSource.transaction(() =>
      app.outbox.addEvents([
        anEvent({ topic: mistyped, aggregateId: 'x' }),
        ...Array.from({ length: 5 }, (_, n) => anEvent({ topic, aggregateId: `good-${String(n)}` })),
      ]),
    );
    await eventually('the good ones', async () =>
      (await Promise.all(good.map((id) => published(app, id)))).every(Boolean),
    );
    expect(refused).toBeDefined();
    await app.close();
    await stopBroker();
  });

  it('with many events for an unknown topic among good ones: one request for each topic, not for each event', async () => {
    const topic = await createTopic();
    const missing = `missing-${randomUUID()}`;
    const app = await startOutboxApp({
      url: database.url,
      outbox: { kafka: { brokers: sharedBrokers() }, errorRetryIntervalSeconds: 3600 },
    });
    await app.dataSource.transaction(() =>
      app.outbox.addEvents(
        Array.from({ length: 1000 }, (_, n) =>
          anEvent({ topic: n % 2 === 0 ? topic : missing, aggregateId: `key-${String(n)}` }),
        ),
      ),
    );
    await eventually('all to be settled', async () => {
      const { published: delivered, failing } = await app.outbox.stats();
      return delivered === 500 && failing === 500;
    });
    const [row] = await database.query<{ most: number }>('select max(attempts)::int as most from event_outbox');
    expect(row?.most).toBe(1);
    await app.close();
  });
});
