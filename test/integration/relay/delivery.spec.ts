import { randomUUID } from 'node:crypto';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { createTopic, describeWithKafka, readTopic, sharedBrokers } from '../support/kafka';

describeWithKafka('Delivery to Kafka', () => {
  let database: TestDatabase;
  let app: OutboxApp;

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({
      url: database.url,
      outbox: { kafka: { brokers: sharedBrokers() }, pollIntervalSeconds: 3600, source: '/test' },
    });
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  it('is woken by the commit, without waiting for the poll', async () => {
    const topic = await createTopic();
    const reader = await readTopic(topic);
    const id = await app.dataSource.transaction(() => app.outbox.addEvent(anEvent({ topic })));
    const [record] = await eventually('the record', () => reader.records.length > 0 && reader.records);
    await reader.stop();
    expect(record?.headers['ce_id']).toBe(id);
  });

  it('lays the record out as a CloudEvent in binary mode, with the stored text as its value', async () => {
    const topic = await createTopic();
    const reader = await readTopic(topic);
    const id = randomUUID();
    const eventData = { z: 1, 10: 'integer-like names keep their place as JSON text has it', a: 'ü€𝄞' };
    await app.dataSource.transaction(() =>
      app.outbox.addEvent(anEvent({ id, topic, eventData, eventKey: 'a key', headers: { tenant: 't1' } })),
    );
    const [record] = await eventually('the record', () => reader.records.length > 0 && reader.records);
    await reader.stop();
    expect(record).toMatchObject({ key: 'a key', value: JSON.stringify(eventData) });
    expect(Object.entries(record?.headers ?? {})).toEqual([
      ['ce_specversion', '1.0'],
      ['ce_id', id],
      ['ce_type', 'ItemChanged'],
      ['ce_source', '/test'],
      ['ce_subject', 'item-1'],
      ['ce_time', expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)],
      ['content-type', 'application/json'],
      ['tenant', 't1'],
    ]);
  });

  it('creates an unknown topic if asked to, and does not mistake that for an outage', async () => {
    const fresh = await createDatabase();
    const creating = await startOutboxApp({
      url: fresh.url,
      outbox: { kafka: { brokers: sharedBrokers() }, allowAutoTopicCreation: true },
    });
    const topic = `created-${randomUUID()}`;
    const id = await creating.dataSource.transaction(() => creating.outbox.addEvent(anEvent({ topic })));
    const event = await eventually('delivery', async () => {
      const stored = await creating.outbox.getEventById(id);
      return stored?.publishedAt !== null && stored;
    });
    expect(event.attempts).toBe(0);
    expect(creating.logs.filter((line) => line.includes('cannot be reached'))).toEqual([]);
    await creating.close();
    await fresh.drop();
  });
});
