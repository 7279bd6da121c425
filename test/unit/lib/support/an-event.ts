import type { OutboxEvent } from '../../../../lib/interfaces/outbox-event';

/** An event without fault, but for what the test changes. */
export function anEvent(changes: Partial<OutboxEvent> = {}): OutboxEvent {
  return {
    aggregateType: 'order',
    aggregateId: '4711',
    eventType: 'OrderPlaced',
    topic: 'orders',
    eventData: { total: 12 },
    ...changes,
  };
}

/** The same without one of its fields. */
export function anEventWithout(field: keyof OutboxEvent): OutboxEvent {
  return Object.fromEntries(Object.entries(anEvent()).filter(([name]) => name !== field)) as unknown as OutboxEvent;
}
