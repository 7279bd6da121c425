/** Compares what was consumed with what was committed. */

/** An order that committed. */
export interface CommittedOrder {
  readonly orderId: string;
  /** Ordering key. */
  readonly key: string;
  /** Position among the committed orders of its key. */
  readonly position: number;
}

/** An event as it was consumed. */
export interface ConsumedEvent {
  readonly id: string;
  readonly orderId: string;
}

export interface Tally {
  /** Different events that were consumed. */
  readonly consumed: number;
  /** Committed orders whose event was never consumed. */
  readonly lost: number;
  /** Consumed events that no commit stands behind: of an order that rolled back, or a second one of the same order. */
  readonly phantom: number;
  /** Events that were first consumed after a later one of their key. */
  readonly outOfOrder: number;
  /** Further deliveries of an event. */
  readonly duplicates: number;
}

/** @param events in the order in which they were consumed */
export function tally(committed: readonly CommittedOrder[], events: readonly ConsumedEvent[]): Tally {
  const orders = new Map(committed.map((order) => [order.orderId, order]));
  const ids = new Set<string>();
  const arrived = new Set<string>();
  const latest = new Map<string, number>();
  let phantom = 0;
  let outOfOrder = 0;
  for (const { id, orderId } of events) {
    if (ids.has(id)) continue;
    ids.add(id);
    const order = orders.get(orderId);
    if (order === undefined || arrived.has(orderId)) {
      phantom++;
      continue;
    }
    arrived.add(orderId);
    const before = latest.get(order.key) ?? -Infinity;
    if (order.position < before) outOfOrder++;
    latest.set(order.key, Math.max(before, order.position));
  }
  return {
    consumed: ids.size,
    lost: committed.length - arrived.size,
    phantom,
    outOfOrder,
    duplicates: events.length - ids.size,
  };
}
