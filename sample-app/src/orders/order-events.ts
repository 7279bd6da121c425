import type { OrderItem } from './catalogue';
import type { Order } from './order.entity';

export const ORDERS_TOPIC = 'orders';
/** Fewer could not be shared by many instances of shipping, and the number cannot be lowered later. */
export const ORDERS_PARTITIONS = 6;
export const ORDER_PLACED = 'OrderPlaced';
export const ORDER_CANCELLED = 'OrderCancelled';

/**
 * The ordering key of every event about an order: its customer. Shipping packs a customer's orders in the order in which they were
 * placed, and never meets a cancellation before the placement. With the order's id as key (the default), only the latter would hold.
 */
export function orderingKey(order: Order): string {
  return order.customerId;
}

/** What the event tells is a contract with other teams, so it is not simply the entity. */
export interface OrderPlaced {
  readonly orderId: string;
  readonly customerId: string;
  readonly items: readonly OrderItem[];
  readonly totalCents: number;
  readonly placedAt: string;
}

export interface OrderCancelled {
  readonly orderId: string;
  readonly customerId: string;
}

export function orderPlaced({ id, customerId, items, totalCents, placedAt }: Order): OrderPlaced {
  return { orderId: id, customerId, items, totalCents, placedAt: placedAt.toISOString() };
}

export function orderCancelled({ id, customerId }: Order): OrderCancelled {
  return { orderId: id, customerId };
}
