import type * as OpenTelemetry from '@opentelemetry/api';
import type { OutboxPublisher } from '../../interfaces/outbox-publisher';
import type { WrittenTrace } from '../../interfaces/written-trace';
import { OutboxTracing, type ConsumedRecord } from './outbox-tracing';
import { withPublishSpans } from './publish-spans';
import { read, written } from './trace-context';

const TRACER = 'nestjs-outboxed';

/** Tracing through OpenTelemetry's API; without the API it does nothing. */
export class OpenTelemetryTracing extends OutboxTracing {
  /** @param api null: it is not installed, or tracing is not wanted */
  constructor(
    private readonly api: typeof OpenTelemetry | null,
    /** `messaging.system`. */
    private readonly system: string,
  ) {
    super();
  }

  override get isActive(): boolean {
    return this.api !== null && hasProvider(this.api);
  }

  override current(): WrittenTrace | undefined {
    const { api } = this;
    const context = api?.trace.getSpanContext(api.context.active());
    return context !== undefined && api?.isSpanContextValid(context) === true ? written(context) : undefined;
  }

  /** The same publisher, seen in traces. */
  publisher(publisher: OutboxPublisher): Pick<OutboxPublisher, 'publish'> {
    const { api, system } = this;
    return api === null
      ? publisher
      : withPublishSpans(publisher, api, {
          tracer: api.trace.getTracer(TRACER),
          system,
          isActive: () => this.isActive,
        });
  }

  override async process<T>(record: ConsumedRecord, handler: () => Promise<T>): Promise<T> {
    const { api } = this;
    if (api === null || !this.isActive) {
      return handler();
    }
    const { headers = {} } = record;
    const remote = read(text(headers['traceparent']), text(headers['tracestate']), api.createTraceState);
    const parent = api.context.active();
    const context = remote === undefined ? parent : api.trace.setSpanContext(parent, remote);
    const options = { kind: api.SpanKind.CONSUMER, attributes: this.attributes(record) };
    return api.trace.getTracer(TRACER).startActiveSpan(`process ${record.topic}`, options, context, async (span) => {
      try {
        return await handler();
      } catch (error) {
        const { name } = error instanceof Error ? error : new Error();
        span.setAttribute('error.type', name);
        span.setStatus({ code: api.SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    });
  }

  private attributes({
    topic,
    headers = {},
    key,
    partition,
    offset,
    consumerGroup,
  }: ConsumedRecord): OpenTelemetry.Attributes {
    return {
      'messaging.system': this.system,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': topic,
      'messaging.message.id': text(headers['ce_id']),
      'messaging.kafka.message.key': text(key),
      'messaging.destination.partition.id': partition === undefined ? undefined : String(partition),
      'messaging.kafka.offset': offset === undefined ? undefined : Number(offset),
      'messaging.consumer.group.name': consumerGroup,
    };
  }
}

/** kafkajs gives headers as buffers, and lists of them where one stands twice. */
function text(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : Buffer.isBuffer(first) ? first.toString() : undefined;
}

/** Where no SDK is registered, a span would be made up for nobody. Asked of the API's stand-in for a provider, which knows whether there is one behind it. */
function hasProvider(api: typeof OpenTelemetry): boolean {
  const provider = api.trace.getTracerProvider() as { getDelegateTracer?: (name: string) => unknown };
  return provider.getDelegateTracer === undefined || provider.getDelegateTracer(TRACER) !== undefined;
}
