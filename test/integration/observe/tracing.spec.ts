import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import { OutboxTracing } from 'nestjs-outboxed';
import { allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { createTopic, itWithKafka, readTopic, sharedBrokers } from '../support/kafka';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

describe('The traces of events', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  let database: TestDatabase;
  let app: OutboxApp;

  beforeAll(() => provider.register());
  afterAll(async () => {
    await provider.shutdown();
    trace.disable();
    context.disable();
  });
  beforeEach(async () => {
    exporter.reset();
    database = await createDatabase();
  });
  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  const spans = (name: string): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.name === name);
  const inSpan = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    trace.getTracer('test').startActiveSpan(name, (span) => work().finally(() => span.end()));

  itWithKafka('lead from the code that adds, by way of Kafka, to the code that handles', async () => {
    app = await startOutboxApp({ url: database.url, outbox: { kafka: { brokers: sharedBrokers() } } });
    const topic = await createTopic();
    const reader = await readTopic(topic);
    const id = await inSpan('request', () =>
      app.dataSource.transaction(() => app.outbox.addEvent(anEvent({ topic, eventKey: 'k' }))),
    );
    const record = await eventually('the record', () => reader.records[0]);
    await reader.stop();
    const [request] = spans('request');
    const { traceId, spanId } = request!.spanContext();
    expect(record.headers['traceparent']).toBe(`00-${traceId}-${spanId}-01`);

    const handled = await app.module
      .get(OutboxTracing)
      .process({ topic, headers: record.headers, key: record.key, partition: 0, offset: '7', consumerGroup: 'g' }, () =>
        inSpan('write', () => Promise.resolve('handled')),
      );
    expect(handled).toBe('handled');
    const [process] = spans(`process ${topic}`);
    expect(process).toMatchObject({ kind: SpanKind.CONSUMER, parentSpanContext: { traceId, spanId } });
    expect(process!.attributes).toEqual({
      'messaging.system': 'kafka',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': topic,
      'messaging.message.id': id,
      'messaging.kafka.message.key': 'k',
      'messaging.destination.partition.id': '0',
      'messaging.kafka.offset': 7,
      'messaging.consumer.group.name': 'g',
    });
    expect(spans('write')[0]!.spanContext().traceId).toBe(traceId);

    await allSettled(app);
    const [send] = spans(`send ${topic}`);
    expect(send).toMatchObject({
      kind: SpanKind.CLIENT,
      parentSpanContext: undefined,
      status: { code: SpanStatusCode.UNSET },
    });
    expect(send!.links.map(({ context: linked }) => linked.spanId)).toEqual([spanId]);
    expect(send!.attributes).toEqual({
      'messaging.system': 'kafka',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      'messaging.message.id': id,
    });
  });

  it('survive redelivery with the same bytes, and tell of refusals', async () => {
    const publisher = new RecordingPublisher();
    publisher.refuses = () => publisher.refused.length === 0;
    app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 0.1, errorRetryIntervalSeconds: 0.1 },
    });
    await inSpan('request', () =>
      app.dataSource.transaction(() => app.outbox.addEvents([anEvent(), anEvent({ aggregateId: 'other' })])),
    );
    await allSettled(app);
    expect(publisher.refused[0]!.headers).toEqual(
      publisher.taken.find(({ id }) => id === publisher.refused[0]!.id)!.headers,
    );
    const [first, second] = spans('send items');
    expect(first!.attributes).toMatchObject({
      'messaging.system': '_OTHER',
      'messaging.batch.message_count': 2,
      'error.type': 'rejected',
    });
    expect(first!.status.code).toBe(SpanStatusCode.ERROR);
    expect(first!.links).toHaveLength(1);
    expect(second!.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('are left alone where there is none, or where that is not wanted', async () => {
    const publisher = new RecordingPublisher();
    app = await startOutboxApp({ url: database.url, outbox: { publisher, tracing: false } });
    await inSpan('request', () => app.dataSource.transaction(() => app.outbox.addEvent(anEvent())));
    await allSettled(app);
    await app.close();
    app = await startOutboxApp({ url: database.url, outbox: { publisher } });
    await app.dataSource.transaction(() => app.outbox.addEvent(anEvent()));
    await allSettled(app);
    expect(publisher.taken.map(({ headers }) => headers['traceparent'])).toEqual([undefined, undefined]);
    expect(spans('send items')).toEqual([]);
  });
});
