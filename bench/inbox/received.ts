import { randomBytes } from 'node:crypto';
import type { EachMessagePayload, KafkaMessage } from 'kafkajs';
import { v7 as uuidv7 } from 'uuid';
import type { Line, Shipment } from './shipment.entity';

interface Order {
  readonly orderId: string;
  readonly customer: { readonly id: string; readonly name: string; readonly email: string };
  readonly lines: readonly Line[];
}

const LINES: readonly Line[] = [
  { sku: 'SKU-004711', quantity: 2, price: 19.99 },
  { sku: 'SKU-000815', quantity: 1, price: 7.5 },
  { sku: 'SKU-123456', quantity: 12, price: 0.25 },
];

/** Handles messages of one partition, in their order. */
export type Consume = (payloads: readonly EachMessagePayload[]) => Promise<void>;

/** What kafkajs' `eachMessage` is called with, without a broker: new events, in records as the relay writes them. */
export function received(partition: number, count: number): EachMessagePayload[] {
  return Array.from({ length: count }, (_, offset) => ({
    topic: 'orders',
    partition,
    message: recordAt(offset),
    heartbeat: () => Promise.resolve(),
    pause: () => () => undefined,
  }));
}

/** What a handler makes of it. */
export function shipmentOf({ value }: KafkaMessage): Shipment {
  const { orderId, customer, lines } = JSON.parse(String(value)) as Order;
  return { orderId, customerId: customer.id, lines };
}

function recordAt(offset: number): KafkaMessage {
  const id = uuidv7();
  const key = `order-${String(offset % 500)}`;
  const now = Date.now();
  const order: Order & Readonly<Record<string, unknown>> = {
    number: offset,
    orderId: id,
    customer: { id: `customer-${String(offset % 5000)}`, name: 'Ada Lovelace', email: 'ada@ex.org' },
    currency: 'EUR',
    total: 50.48,
    lines: LINES,
    note: 'ring twice',
  };
  const headers = {
    ce_specversion: '1.0',
    ce_id: id,
    ce_type: 'OrderPlaced',
    ce_source: 'nestjs-outboxed',
    ce_subject: key,
    ce_time: new Date(now).toISOString(),
    'content-type': 'application/json',
    traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`,
  };
  return {
    key: Buffer.from(key),
    value: Buffer.from(JSON.stringify(order)),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
    offset: String(offset),
    timestamp: String(now),
    attributes: 0,
  };
}
