import type { PendingEvent } from '../../../../lib/store/pending-event';
import { laneOf } from '../../../../lib/store/ordering-key';

/** An event as the relay reads it from the table. */
export function aPendingEvent(changes: Partial<PendingEvent> = {}): PendingEvent {
  const eventKey = changes.eventKey ?? '4711';
  return {
    seq: 1,
    lane: laneOf(eventKey),
    id: '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70',
    eventType: 'OrderPlaced',
    aggregateId: '4711',
    topic: 'orders',
    eventKey,
    eventData: '{"total":12}',
    headers: null,
    traceparent: null,
    tracestate: null,
    createdAt: '2026-01-02T03:04:05.678Z',
    attempts: 0,
    ageMs: 0,
    ...changes,
  };
}
