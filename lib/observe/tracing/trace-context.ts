import type { SpanContext, TraceState } from '@opentelemetry/api';
import type { WrittenTrace } from '../../interfaces/written-trace';

const SAMPLED = 1;
/** Version 00 of W3C Trace Context, section 3.2. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The other side may be configured for another propagator; what events carry is always W3C Trace Context. */
export function written({ traceId, spanId, traceFlags, traceState }: SpanContext): WrittenTrace {
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0');
  const state = traceState?.serialize();
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    tracestate: state === undefined || state === '' ? null : state,
  };
}

/** Undefined if it is none, or an invalid one. */
export function read(
  traceparent: string | undefined,
  tracestate: string | undefined,
  createTraceState: (text: string) => TraceState,
): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (!/[1-9a-f]/.test(traceId) || !/[1-9a-f]/.test(spanId)) {
    return undefined;
  }
  return {
    traceId,
    spanId,
    traceFlags: parseInt(flags, 16),
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
}

export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & SAMPLED) === SAMPLED;
}
