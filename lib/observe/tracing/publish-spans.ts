import type * as OpenTelemetry from '@opentelemetry/api';
import type { OutboxMessage, OutboxPublisher, PublishContext, PublishResult } from '../../interfaces/outbox-publisher';
import { isSampled, read } from './trace-context';

type Publishes = Pick<OutboxPublisher, 'publish'>;

/** By which OpenTelemetry's instrumentations and propagators know that they are to keep out; a name that its SDKs share (suppressTracing of `@opentelemetry/core`). */
const SUPPRESS_TRACING = 'OpenTelemetry SDK Context Key SUPPRESS_TRACING';

/** As many as OpenTelemetry's SDKs keep unless told otherwise. */
const MOST_LINKS = 128;

/** How sending is seen. */
interface PublishTracing {
  readonly tracer: OpenTelemetry.Tracer;
  /** `messaging.system`. */
  readonly system: string;
  /** Whether a span would be for anybody: to read the traces of 1000 events for nobody took 0.3 ms. An SDK may be registered later than the relay begins. */
  readonly isActive: () => boolean;
}

/**
 * A publisher whose sending is seen in traces: a span `send <topic>` for each topic of a batch, which links to the traces in which its events were added. It
 * is none of these traces' own, as one send carries events of many, and of the kind CLIENT, as the records carry the context of their adding and
 * not its own (OpenTelemetry semantic conventions for messaging spans, "Span kind"). Batches without a sampled trace get none.
 */
export function withPublishSpans(
  publisher: Publishes,
  api: typeof OpenTelemetry,
  { tracer, system, isActive }: PublishTracing,
): Publishes {
  return {
    publish: async (batch: readonly OutboxMessage[], context: PublishContext): Promise<PublishResult> => {
      const spans = isActive() ? startSpans(batch, api, tracer, system) : [];
      const publish = (): Promise<PublishResult> => uninstrumented(api, () => publisher.publish(batch, context));
      if (spans.length === 0) {
        return publish();
      }
      try {
        const result = await publish();
        for (const { span, indexes } of spans) {
          note(
            span,
            indexes.map((index) => result.outcomes[index]?.status),
            result.unavailable,
            api,
          );
        }
        return result;
      } catch (error) {
        spans.forEach(({ span }) => {
          span.setStatus({ code: api.SpanStatusCode.ERROR });
        });
        throw error;
      } finally {
        spans.forEach(({ span }) => {
          span.end();
        });
      }
    },
  };
}

/**
 * An instrumentation of the client would put a trace context of its own into the headers, another one at each delivery; a redelivery must not differ from the
 * first delivery.
 */
function uninstrumented<T>(api: typeof OpenTelemetry, work: () => T): T {
  return api.context.with(api.context.active().setValue(api.createContextKey(SUPPRESS_TRACING), true), work);
}

interface TopicPart {
  readonly indexes: number[];
  readonly links: Map<string, OpenTelemetry.Link>;
}

interface TopicSpan {
  readonly span: OpenTelemetry.Span;
  readonly indexes: readonly number[];
}

function startSpans(
  batch: readonly OutboxMessage[],
  api: typeof OpenTelemetry,
  tracer: OpenTelemetry.Tracer,
  system: string,
): TopicSpan[] {
  const topics = new Map<string, TopicPart>();
  batch.forEach(({ topic, headers }, index) => {
    const ofTopic: TopicPart = topics.get(topic) ?? { indexes: [], links: new Map() };
    topics.set(topic, ofTopic);
    ofTopic.indexes.push(index);
    const traceparent = headers['traceparent'];
    if (traceparent !== undefined && ofTopic.links.size < MOST_LINKS && !ofTopic.links.has(traceparent)) {
      const context = read(traceparent, headers['tracestate'], api.createTraceState);
      if (context !== undefined && isSampled(context)) {
        ofTopic.links.set(traceparent, { context });
      }
    }
  });
  return [...topics].flatMap(([topic, { indexes, links }]) => {
    if (links.size === 0) {
      return [];
    }
    const [first] = indexes;
    const span = tracer.startSpan(`send ${topic}`, {
      kind: api.SpanKind.CLIENT,
      root: true,
      links: [...links.values()],
      attributes: {
        'messaging.system': system,
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.name': topic,
        ...(indexes.length === 1
          ? { 'messaging.message.id': batch[first as number]?.id }
          : { 'messaging.batch.message_count': indexes.length }),
      },
    });
    return [{ span, indexes }];
  });
}

function note(
  span: OpenTelemetry.Span,
  statuses: readonly (string | undefined)[],
  unavailable: string | undefined,
  api: typeof OpenTelemetry,
): void {
  const failed = statuses.filter((status) => status !== 'published').length;
  if (failed > 0) {
    span.setAttribute('error.type', unavailable === undefined ? 'rejected' : 'publisher_unavailable');
    span.setStatus({ code: api.SpanStatusCode.ERROR, message: `${failed} of ${statuses.length} were not published` });
  }
}
