import type { WrittenTrace } from '../../interfaces/written-trace';

/** A record as a consumer got it, from kafkajs, from Nest's `KafkaContext`, or from elsewhere. */
export interface ConsumedRecord {
  readonly topic: string;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly key?: string | Buffer | null | undefined;
  readonly partition?: number | undefined;
  readonly offset?: string | undefined;
  readonly consumerGroup?: string | undefined;
}

/**
 * The traces that events are part of, with `@opentelemetry/api` (an optional peer). Where that is not installed, or no SDK is registered, everything
 * works as without it.
 *
 * `addEvent` stores the trace context of the calling code with the event, and each delivery carries it in the headers `traceparent` and `tracestate`
 * (W3C Trace Context). The relay's sending is a span of its own that links to the traces of its events, if one of these is sampled.
 */
export abstract class OutboxTracing {
  /**
   * Handles a record as part of the trace in which its event was added: in a span `process <topic>` of the kind CONSUMER, with the attributes that the
   * OpenTelemetry semantic conventions for messaging name. What the handler throws is noted on the span, and thrown.
   *
   * For consumers without an instrumentation of their own, which would read the same headers.
   */
  abstract process<T>(record: ConsumedRecord, handler: () => Promise<T>): Promise<T>;

  /**
   * Whether spans are made for anybody.
   *
   * @internal
   */
  abstract readonly isActive: boolean;

  /**
   * The trace that the calling code is part of, if there is one.
   *
   * @internal
   */
  abstract current(): WrittenTrace | undefined;
}
