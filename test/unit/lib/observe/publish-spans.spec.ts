import * as api from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import type { OutboxMessage, PublishResult } from '../../../../lib/interfaces/outbox-publisher';
import { withPublishSpans } from '../../../../lib/observe/tracing/publish-spans';
import { aMessage } from '../support/a-message';

const context = { mayContinue: () => true };
const PUBLISHED = { status: 'published' } as const;

describe('a publisher that is seen in traces', () => {
  const exporter = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('test');
  let publish: jest.Mock<Promise<PublishResult>, [readonly OutboxMessage[], object]>;

  beforeEach(() => {
    exporter.reset();
    publish = jest.fn((batch, _context) => Promise.resolve({ outcomes: batch.map(() => PUBLISHED) }));
  });

  const traced = (n: number, { flags = '01', topic = 'orders' } = {}): OutboxMessage =>
    aMessage(`${n}`, {
      topic,
      headers: { traceparent: `00-${'a'.repeat(32)}-${n.toString(16).padStart(16, '0')}-${flags}` },
    });
  const send = (batch: readonly OutboxMessage[]): Promise<PublishResult> =>
    withPublishSpans({ publish }, api, tracer, 'kafka').publish(batch, context);
  const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans();

  it('has a span for each topic, that links to the traces of its events, each once', async () => {
    const result = await send([traced(1), traced(1), traced(2, { topic: 'items' }), aMessage('4')]);
    expect(result.outcomes).toHaveLength(4);
    expect(
      spans().map(({ name, links, attributes }) => [name, links.length, attributes['messaging.batch.message_count']]),
    ).toEqual([
      ['send orders', 1, 3],
      ['send items', 1, undefined],
    ]);
  });

  it('has none for a batch without a sampled trace', async () => {
    const batch = [traced(1, { flags: '00' }), aMessage('2'), aMessage('3', { headers: { traceparent: 'nonsense' } })];
    await send(batch);
    expect(spans()).toEqual([]);
    expect(publish.mock.calls).toEqual([[batch, context]]);
  });

  it('links to no more than SDKs keep', async () => {
    await send(Array.from({ length: 300 }, (_, n) => traced(n + 1)));
    expect(spans()[0]?.links).toHaveLength(128);
    expect(spans()[0]?.droppedLinksCount).toBe(0);
  });

  it.each<[string, Partial<PublishResult>]>([
    ['publisher_unavailable', { unavailable: 'no broker at kafka.internal' }],
    ['rejected', {}],
  ])('tells of a failure, and not of addresses: %s', async (type, changes) => {
    publish.mockResolvedValue({ outcomes: [PUBLISHED, { status: 'retry' }], ...changes });
    await send([traced(1), traced(2)]);
    const [span] = spans();
    expect(span?.attributes['error.type']).toBe(type);
    expect(span?.status).toEqual({ code: api.SpanStatusCode.ERROR, message: '1 of 2 were not published' });
  });

  it('ends its spans where the publisher throws', async () => {
    publish.mockRejectedValue(new Error('broken'));
    await expect(send([traced(1)])).rejects.toThrow('broken');
    expect(spans().map(({ status }) => status.code)).toEqual([api.SpanStatusCode.ERROR]);
  });
});
