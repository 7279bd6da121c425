import { randomBytes } from 'node:crypto';
import { laneOf } from './lanes';

export interface Backlog {
  readonly topic: string;
  readonly rows: number;
  /** Default: {@link KEYS} keys, taken by turns. */
  readonly keys?: readonly string[];
  /** Default: an order of about 345 bytes. Otherwise text that does not compress. */
  readonly payloadBytes?: number;
}

export const KEYS = 500;

const usualKeys = keysNamed('order', KEYS);

export function keysNamed(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `${name}-${String(n).padStart(5, '0')}`);
}

const SMALL_ORDER = `'{"number":' || e.n || ',"orderId":"' || e.id || '","customer":{"id":"customer-' || e.n % 5000 ||
  '","name":"Ada Lovelace","email":"ada@ex.org"},"currency":"EUR","total":' || e.n % 1000 || '.95,"lines":[' ||
  '{"sku":"SKU-004711","quantity":2,"price":19.99},{"sku":"SKU-000815","quantity":1,"price":7.5},' ||
  '{"sku":"SKU-123456","quantity":12,"price":0.25}],"note":"ring twice"}'`;

const LARGE_ORDER = `'{"number":' || e.n || ',"orderId":"' || e.id || '","scan":"' || $5::text || '"}'`;

/** As the writer makes them: new ids stand together in their index (RFC 9562, section 5.7). `uuidv7()` came with PostgreSQL 18. */
const UUID_V7 = `encode(overlay(uuid_send(gen_random_uuid()) placing
  decode(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3), 'hex')
  from 1 for 8), 'hex')::uuid`;

/** The statement that writes a backlog as the product's writer would have, with a trace context, in one transaction. */
export function insertBacklog(backlog: Backlog): { text: string; values: unknown[] } {
  const { topic, rows, keys = usualKeys, payloadBytes } = backlog;
  const text = `insert into event_outbox (xid, id, lane, aggregate_type, aggregate_id, event_type, topic, event_key, event_data, traceparent)
    select pg_current_xact_id()::text::bigint, e.id, k.lane, 'order', k.key, 'OrderPlaced', $1, k.key,
           (${payloadBytes === undefined ? SMALL_ORDER : LARGE_ORDER})::json,
           '00-' || replace(e.id::text, '-', '') || '-' || lpad(to_hex(e.n), 16, '0') || '-01'
    from (select n, ${UUID_V7} as id from generate_series(1, $2::int) n) e
    join unnest($3::text[], $4::smallint[]) with ordinality as k(key, lane, place) on k.place = e.n % cardinality($3::text[]) + 1
    order by e.n`;
  const scan = payloadBytes === undefined ? [] : [randomBytes(Math.ceil(payloadBytes * 0.75)).toString('base64')];
  return { text, values: [topic, rows, keys, keys.map(laneOf), ...scan] };
}
