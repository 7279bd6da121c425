import { startKafkaBroker, type KafkaPart } from '../../../tools/parts';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { createTopic, describeWithKafka, readTopic } from '../support/kafka';

describeWithKafka('When the broker is away', () => {
  let database: TestDatabase;
  let broker: KafkaPart;
  let app: OutboxApp | undefined;

  const start = async (): Promise<OutboxApp> => {
    app = await startOutboxApp({
      url: database.url,
      outbox: { kafka: { brokers: [...broker.brokers] }, pollIntervalSeconds: 0.2 },
    });
    return app;
  };
  const add = async (on: OutboxApp, topic: string, numbers: readonly number[]): Promise<void> => {
    for (const n of numbers) {
      await on.dataSource.transaction(() =>
        on.outbox.addEvent(anEvent({ topic, aggregateId: `item-${String(n % 3)}`, eventData: { n } })),
      );
    }
  };
  const firstDeliveries = (records: readonly { value: string | undefined }[]): number[] => [
    ...new Set(records.map(({ value }) => (JSON.parse(value ?? '') as { n: number }).n)),
  ];
  const attempts = async (): Promise<number> => {
    const [row] = await database.query<{ attempts: number }>('select sum(attempts)::int as attempts from event_outbox');
    return row?.attempts ?? 0;
  };

  beforeAll(async () => {
    broker = await startKafkaBroker({ own: true, log: () => undefined });
  });
  afterAll(() => broker?.stop());

  beforeEach(async () => {
    database = await createDatabase();
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await database.drop();
  });

  it('at the start, the application starts all the same and delivers once the broker is there', async () => {
    const topic = await createTopic({ on: [...broker.brokers] });
    await broker.kill('SIGKILL');
    const running = await start();
    await add(running, topic, [0, 1, 2, 3, 4]);
    expect(await running.outbox.stats()).toMatchObject({ pending: 5, published: 0 });
    await eventually('the outage to be logged', () => running.logs.some((line) => line.includes('cannot be reached')));

    await broker.start();
    await eventually('all to be delivered', async () => (await running.outbox.stats()).pending === 0, { seconds: 60 });
    const reader = await readTopic(topic, [...broker.brokers]);
    await eventually('the records', () => firstDeliveries(reader.records).length === 5);
    await reader.stop();
    expect(await attempts()).toBe(0);
    expect(running.logs.filter((line) => line.includes('cannot be reached'))).toHaveLength(1);
  });

  it('in the middle of delivery (kill -9), nothing is lost, the order of each key holds, and no attempt is charged', async () => {
    const topic = await createTopic({ on: [...broker.brokers] });
    const running = await start();
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    const adding = add(running, topic, numbers);
    await eventually('some to be delivered', async () => (await running.outbox.stats()).published > 50);
    await broker.kill('SIGKILL');
    await adding;
    expect((await running.outbox.stats()).pending).toBeGreaterThan(0);

    await broker.start();
    await eventually('all to be delivered', async () => (await running.outbox.stats()).pending === 0, { seconds: 60 });
    const reader = await readTopic(topic, [...broker.brokers]);
    await eventually('the records', () => firstDeliveries(reader.records).length === 300);
    await reader.stop();
    for (const key of [0, 1, 2]) {
      const ofKey = firstDeliveries(reader.records).filter((n) => n % 3 === key);
      expect(ofKey).toEqual(numbers.filter((n) => n % 3 === key));
    }
    expect(await attempts()).toBe(0);
  });

  it('and hangs (SIGSTOP), a send ends with its time-out, and delivery goes on when the broker does', async () => {
    const topic = await createTopic({ on: [...broker.brokers] });
    const running = await start();
    await add(running, topic, [0]);
    await eventually('the first to be delivered', async () => (await running.outbox.stats()).published === 1);
    await broker.kill('SIGSTOP');
    await add(running, topic, [1, 2]);
    await eventually('the send to end with a time-out', () =>
      running.logs.some((line) => line.includes('cannot be reached')),
    );
    await broker.kill('SIGCONT');
    await eventually('all to be delivered', async () => (await running.outbox.stats()).pending === 0, { seconds: 60 });
    expect(await attempts()).toBe(0);
  });

  it('the application still closes, and what is pending stays for the next start', async () => {
    const topic = await createTopic({ on: [...broker.brokers] });
    const first = await start();
    await broker.kill('SIGKILL');
    await add(first, topic, [0, 1]);
    await first.close();

    await broker.start();
    const second = await start();
    await eventually('all to be delivered', async () => (await second.outbox.stats()).pending === 0, { seconds: 60 });
  });
});
