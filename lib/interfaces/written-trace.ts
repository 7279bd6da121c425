/** Where an event was added, as W3C Trace Context writes it. */
export interface WrittenTrace {
  readonly traceparent: string;
  readonly tracestate: string | null;
}
