import { Injectable } from '@nestjs/common';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import { IdempotentConsumer, type InboxPayload, type OutboxMessage } from 'nestjs-outboxed';
import { eventually } from '../support/eventually';
import { aRecord, GivenBatch } from '../support/inbox-messages';
import { CONSUMER, InboxSuite } from '../support/inbox-suite';
import { anEvent } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

@Injectable()
class Shipping {
  @IdempotentConsumer({ consumer: 'decorated' })
  async ship(_payload: InboxPayload, work: () => Promise<void>): Promise<void> {
    await work();
  }
}

describe('The trace of a message', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const publisher = new RecordingPublisher();
  beforeAll(() => provider.register());
  const suite = InboxSuite.declare({ outbox: { publisher, pollIntervalSeconds: 0.1 }, providers: [Shipping] });

  afterAll(async () => {
    await provider.shutdown();
    trace.disable();
    context.disable();
  });
  beforeEach(() => {
    exporter.reset();
    publisher.taken.splice(0);
  });

  const spans = (name: string): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.name === name);
  const inSpan = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    trace.getTracer('test').startActiveSpan(name, (span) => work().finally(() => span.end()));
  const delivered = (eventType: string): Promise<OutboxMessage> =>
    eventually(`delivery of ${eventType}`, () =>
      publisher.taken.find(({ headers }) => headers['ce_type'] === eventType),
    );

  /** What a consumer gets of an event that was added in a span. */
  async function produced(): Promise<{ record: InboxPayload; request: ReadableSpan }> {
    await inSpan('request', () =>
      suite.app.dataSource.transaction(() =>
        suite.app.outbox.addEvent(anEvent({ topic: 'orders', eventKey: 'order-7', eventType: 'OrderPlaced' })),
      ),
    );
    const { id, key, value, headers } = await delivered('OrderPlaced');
    const [request] = spans('request');
    return { record: aRecord({ id, key, value, headers, offset: '7' }), request: request! };
  }

  const addShipped = async (): Promise<void> => {
    await suite.app.outbox.addEvent(anEvent({ eventType: 'OrderShipped', aggregateId: 'order-7' }));
  };

  it('goes on in its handler, and in the events that this adds', async () => {
    const { record, request } = await produced();
    await suite.deliver(record, () => inSpan('work', addShipped));
    const { traceId, spanId } = request.spanContext();
    const [process] = spans('process orders');
    const [work] = spans('work');
    expect(process).toMatchObject({ kind: SpanKind.CONSUMER, parentSpanContext: { traceId, spanId } });
    expect(process!.attributes).toMatchObject({
      'messaging.destination.name': 'orders',
      'messaging.kafka.message.key': 'order-7',
      'messaging.kafka.offset': 7,
      'messaging.consumer.group.name': CONSUMER,
    });
    expect(work).toMatchObject({ parentSpanContext: process!.spanContext() });
    const { headers } = await delivered('OrderShipped');
    expect(headers['traceparent']).toBe(`00-${traceId}-${work!.spanContext().spanId}-01`);
  });

  it('goes on in a method with @IdempotentConsumer', async () => {
    const { record, request } = await produced();
    await suite.app.module.get(Shipping).ship(record, addShipped);
    const { traceId } = request.spanContext();
    const [process] = spans('process orders');
    expect(process!.spanContext().traceId).toBe(traceId);
    const { headers } = await delivered('OrderShipped');
    expect(headers['traceparent']).toBe(`00-${traceId}-${process!.spanContext().spanId}-01`);
  });

  it('shows a handler that has failed, and goes on in what is written to the retry topic', async () => {
    const { record, request } = await produced();
    const options = { maxAttempts: 1, retryTopic: 'orders.retry' };
    const outcome = suite.deliver(record, () => Promise.reject(new TypeError('no stock')), {
      ...options,
      maxAttempts: 2,
    });
    await expect(outcome).rejects.toThrow('no stock');
    expect(spans('process orders')).toMatchObject([
      { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'TypeError' } },
    ]);
    await suite.deliver(record, () => Promise.reject(new TypeError('no stock')), options);
    const retried = await eventually('the retry', () => publisher.taken.find(({ topic }) => topic === 'orders.retry'));
    expect(retried.headers['traceparent']).toContain(request.spanContext().traceId);
  });

  it('has no span of the inbox where the consumer has one already', async () => {
    const { record, request } = await produced();
    await inSpan('consumer', () => suite.deliver(record, addShipped));
    expect(spans('process orders')).toEqual([]);
    const { headers } = await delivered('OrderShipped');
    expect(headers['traceparent']).toContain(spans('consumer')[0]!.spanContext().traceId);
    expect(headers['traceparent']).not.toContain(request.spanContext().traceId);
  });

  it('is not continued by a batch, which has many', async () => {
    const { record } = await produced();
    const batch = new GivenBatch(['b']);
    const both = { ...batch.batch, messages: [record.message, ...batch.batch.messages] };
    await suite.inbox.processBatch(Object.assign(batch, { batch: both }), addShipped, { consumer: CONSUMER });
    expect(spans('process orders')).toEqual([]);
    expect((await delivered('OrderShipped')).headers['traceparent']).toBeUndefined();
  });
});
