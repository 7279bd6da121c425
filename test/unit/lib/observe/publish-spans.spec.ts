import * as api from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  NodeTracerProvider,
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

  let isActive: boolean;

  beforeEach(() => {
    exporter.reset();
    isActive = true;
    publish = jest.fn((batch, _context) => Promise.resolve({ outcomes: batch.map(() => PUBLISHED) }));
  });

  const traced = (n: number, { flags = '01', topic = 'orders' } = {}): OutboxMessage =>
    aMessage(`${n}`, {
      topic,
      headers: { traceparent: `00-${'a'.repeat(32)}-${n.toString(16).padStart(16, '0')}-${flags}` },
    });
  const send = (batch: readonly OutboxMessage[]): Promise<PublishResult> =>
    withPublishSpans({ publish }, api, { tracer, system: 'kafka', isActive: () => isActive }).publish(batch, context);
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

  it('has none while nobody would see them, and some as soon as somebody does', async () => {
    const seen = withPublishSpans({ publish }, api, { tracer, system: 'kafka', isActive: () => isActive });
    isActive = false;
    await seen.publish([traced(1)], context);
    expect(spans()).toEqual([]);
    isActive = true;
    await seen.publish([traced(1)], context);
    expect(spans()).toHaveLength(1);
  });

  describe('beside an instrumentation of its client', () => {
    const provider = new NodeTracerProvider();
    beforeAll(() => {
      provider.register();
    });
    afterAll(() => {
      api.trace.disable();
      api.context.disable();
      api.propagation.disable();
    });

    it.each([true, false])('keeps the trace context that was stored, seen or not: %p', async (active) => {
      isActive = active;
      const injected: Record<string, string> = {};
      publish.mockImplementation((batch) => {
        api.propagation.inject(api.context.active(), injected);
        return Promise.resolve({ outcomes: batch.map(() => PUBLISHED) });
      });
      await provider.getTracer('application').startActiveSpan('a request', async (span) => {
        await send([traced(1)]);
        span.end();
      });
      expect(injected).toEqual({});
      expect(publish).toHaveBeenCalledTimes(1);
    });
  });
});
