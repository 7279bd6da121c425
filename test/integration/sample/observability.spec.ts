import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import { createShop } from '../../../sample-app/src/create-shop';
import { endedAtLast } from '../support/cleanup';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { describeWithKafka, sharedBrokers } from '../support/kafka';
import { valueIn } from '../support/scrape';

describeWithKafka('The sample shop, looked at from outside', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  let database: TestDatabase;
  let app: NestExpressApplication;
  let close: () => Promise<void>;
  let url: string;

  beforeAll(async () => {
    provider.register();
    database = await createDatabase();
    app = await createShop({ port: 0, databaseUrl: database.url, brokers: sharedBrokers(), relay: true });
    close = endedAtLast(() => app.close());
    await app.startAllMicroservices();
    await app.listen(0);
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await close();
    await database.drop();
    await provider.shutdown();
    [trace, context, propagation].forEach((api) => api.disable());
  });

  const placeOrder = async (): Promise<{ id: string; customerId: string }> => {
    const response = await fetch(`${url}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ customerId: 'ada', items: [{ sku: 'tea', quantity: 1 }] }),
    });
    expect(response.status).toBe(201);
    return (await response.json()) as { id: string; customerId: string };
  };
  const ofKind = (kind: SpanKind): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.kind === kind);

  it('has one trace from the request to the write of the consumer', async () => {
    const order = await placeOrder();
    const [request] = ofKind(SpanKind.SERVER);
    const { traceId } = request!.spanContext();
    // The topic of the broker may hold orders of others.
    const process = await eventually('the shipment, in a span', async () => {
      const [shipment] = await database.query('select 1 from shipment where order_id = $1', [order.id]);
      return shipment !== undefined && ofKind(SpanKind.CONSUMER).find((span) => span.spanContext().traceId === traceId);
    });
    expect(request?.name).toBe('POST /orders');
    expect(process.spanContext().traceId).toBe(request?.spanContext().traceId);
    expect(process.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    const send = await eventually('the span of sending', () => ofKind(SpanKind.CLIENT)[0]);
    expect(send.links.map((link) => link.context.traceId)).toContain(request?.spanContext().traceId);
  });

  it('shows its metrics, those of the process too', async () => {
    await placeOrder();
    await eventually('the counts', async () => {
      const page = await (await fetch(`${url}/metrics`)).text();
      const labels = { service: '/shop', event_type: 'OrderPlaced' };
      const added = valueIn(page, 'outbox_events_added_total', labels);
      return (
        added !== undefined &&
        valueIn(page, 'outbox_events_published_total', labels) === added &&
        valueIn(page, 'outbox_queue_depth', { service: '/shop' }) === 0 &&
        valueIn(page, 'process_cpu_seconds_total') !== undefined
      );
    });
  });

  it('shows its health', async () => {
    const response = await fetch(`${url}/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: 'ok',
      info: { outbox: { status: 'up', database: 'reachable', publisher: 'reachable' } },
    });
  });
});
