import { randomUUID } from 'node:crypto';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { createNamedTopic, createTopic, describeWithKafka, readTopic, sharedBrokers } from '../support/kafka';

describeWithKafka('An event that the broker refuses', () => {
  let database: TestDatabase;
  let app: OutboxApp;

  beforeEach(async () => {
    database = await createDatabase();
    app = await startOutboxApp({
      url: database.url,
      outbox: {
        kafka: { brokers: sharedBrokers() },
        pollIntervalSeconds: 0.1,
        errorRetryIntervalSeconds: 0.5,
        maxEventBytes: 3_000_000,
      },
    });
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const add = (events: Parameters<typeof anEvent>[0][]): Promise<string[]> =>
    app.dataSource.transaction(() => app.outbox.addEvents(events.map((event) => anEvent(event))));

  it('for its unknown topic, waits with its key, tells why, and is delivered once the topic exists', async () => {
    const topic = await createTopic();
    const missing = `missing-${randomUUID()}`;
    const [held, behind] = await add([
      { topic: missing, aggregateId: 'a' },
      { topic, aggregateId: 'a' },
      { topic, aggregateId: 'b' },
    ]);
    const waiting = await eventually('the others to be delivered', async () => {
      const event = await app.outbox.getEventById(held!);
      return event!.attempts > 0 && (await app.outbox.stats()).published === 1 && event;
    });
    expect(waiting.lastError).toContain('UNKNOWN_TOPIC_OR_PARTITION');
    // It waits for its time: it is not tried in each round.
    expect(waiting.attempts).toBeLessThan(8);
    expect(waiting.retryAt).toBeInstanceOf(Date);
    expect((await app.outbox.getEventById(behind!))?.publishedAt).toBeNull();
    expect((await app.outbox.getEventById(behind!))?.attempts).toBe(0);
    expect(await app.outbox.stats()).toMatchObject({ pending: 2, failing: 1, published: 1 });

    await createNamedTopic(missing);
    await eventually('both to be delivered', async () => (await app.outbox.stats()).pending === 0);
  });

  it('for its size, does not take its neighbours with it, and keeps later events of its key behind it', async () => {
    // A topic that takes little makes the event too large for the broker but not for addEvent.
    const topic = await createTopic({ partitions: 3, configEntries: [{ name: 'max.message.bytes', value: '100000' }] });
    const reader = await readTopic(topic);
    const small = Array.from({ length: 200 }, (_, n) => ({
      topic,
      aggregateId: `key-${String(n % 20)}`,
      eventData: { n },
    }));
    await add([
      ...small.slice(0, 100),
      { topic, aggregateId: 'key-7', eventData: { n: 'large', filler: 'x'.repeat(1_500_000) } },
      ...small.slice(100),
    ]);
    await eventually('all of the other keys', async () => (await app.outbox.stats()).published === 195);
    const numbers = await eventually('the records', () => {
      const seen = new Set(reader.records.map(({ value }) => (JSON.parse(value ?? '') as { n: number }).n));
      return seen.size === 195 && seen;
    });
    await reader.stop();
    const expected = small.map(({ eventData }) => eventData.n).filter((n) => n < 100 || n % 20 !== 7);
    expect([...numbers].sort((a, b) => a - b)).toEqual(expected);
    const [row] = await database.query<{ attempts: number }>('select max(attempts)::int as attempts from event_outbox');
    expect(row?.attempts).toBeLessThan(8);
    expect(await app.outbox.stats()).toMatchObject({ pending: 6, failing: 1 });
  });

  it('is tried again and again, and counts its attempts', async () => {
    const missing = `missing-${randomUUID()}`;
    const [id] = await add([{ topic: missing }]);
    const tried = await eventually('two attempts', async () => {
      const event = await app.outbox.getEventById(id!);
      return event!.attempts >= 2 && event;
    });
    expect(tried.publishedAt).toBeNull();
  });

  it('is still held, with its key, after the relay was replaced', async () => {
    const topic = await createTopic();
    await app.close();
    app = await startOutboxApp({
      url: database.url,
      outbox: { kafka: { brokers: sharedBrokers() }, pollIntervalSeconds: 0.1, errorRetryIntervalSeconds: 3600 },
    });
    const [first] = await add([{ topic: `missing-${randomUUID()}`, aggregateId: 'a' }]);
    await eventually('the refusal', async () => (await app.outbox.getEventById(first!))?.attempts === 1);
    await app.close();
    app = await startOutboxApp({
      url: database.url,
      outbox: { kafka: { brokers: sharedBrokers() }, pollIntervalSeconds: 0.1 },
    });
    const [behind, other] = await add([
      { topic, aggregateId: 'a' },
      { topic, aggregateId: 'b' },
    ]);
    await eventually('another key', async () => (await app.outbox.getEventById(other!))?.publishedAt !== null);
    expect((await app.outbox.getEventById(first!))?.attempts).toBe(1);
    expect((await app.outbox.getEventById(behind!))?.publishedAt).toBeNull();
  });
});

describeWithKafka('A large backlog', () => {
  it('of more bytes than one request may have is delivered whole and in order', async () => {
    const database = await createDatabase();
    const topic = await createTopic({ partitions: 1 });
    const reader = await readTopic(topic);
    const writer = await startOutboxApp({ url: database.url });
    const count = 300;
    await writer.dataSource.transaction(() =>
      writer.outbox.addEvents(
        Array.from({ length: count }, (_, n) => anEvent({ topic, eventData: { n, filler: 'y'.repeat(20_000) } })),
      ),
    );
    await writer.close();
    const relay = await startOutboxApp({
      url: database.url,
      outbox: { kafka: { brokers: sharedBrokers() }, maxBatchBytes: 1_000_000 },
    });
    await eventually('the records', () => reader.records.length >= count);
    const numbers = reader.records.map(({ value }) => (JSON.parse(value ?? '') as { n: number }).n);
    await reader.stop();
    await relay.close();
    await database.drop();
    expect(numbers).toEqual(Array.from({ length: count }, (_, n) => n));
  });
});
