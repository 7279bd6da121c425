import { randomBytes } from 'node:crypto';
import type { Log } from '../../parts';
import type { Lifecycle } from '../lifecycle';
import type { ShopParts } from '../shop-parts';
import { Shop } from '../shop/shop';
import { awaitDelivery } from './await-delivery';
import type { EventReader } from './event-reader';
import { KafkaReader } from './kafka-reader';
import { placeOrders, type Placed } from './place-orders';
import { asJson, asText, databaseName, resultFaults, type RunResult } from './result';
import { ShipmentReader } from './shipment-reader';
import { tally, type CommittedOrder } from './tally';
import { Witness } from './witness';

export interface RunOptions {
  readonly orders: number;
  readonly json: boolean;
  readonly parts: ShopParts;
  readonly lifecycle: Lifecycle;
  readonly log: Log;
}

const TOPIC = 'orders';

/**
 * Places orders, consumes their events and compares. Everything is told apart by the run's id, which begins each customer's name: database
 * and topic may hold what others did.
 */
export async function runOrders({ orders, json, parts, lifecycle, log }: RunOptions): Promise<number> {
  const { database, kafka } = parts;
  const runId = `run-${randomBytes(4).toString('hex')}`;
  const shop = await Shop.start({
    port: '0', // it meets nobody
    databaseUrl: database.url,
    brokers: kafka?.brokers ?? null,
    onOutput: () => undefined,
    onError: (line) => process.stderr.write(`[shop] ${line}\n`),
  });
  lifecycle.onEnd(() => shop.stop());
  const shopEnded = new AbortController();
  void shop.ended.then((code) => shopEnded.abort(code));
  const { url } = shop;
  const witness = new Witness(database.url, runId);
  lifecycle.onEnd(() => witness.close());
  const signal = AbortSignal.any([lifecycle.interrupted, shopEnded.signal]);
  const reader: EventReader =
    kafka === null
      ? new ShipmentReader(witness, url)
      : await KafkaReader.open({ brokers: kafka.brokers, topic: TOPIC, keyPrefix: runId, groupId: runId, signal });
  lifecycle.onEnd(() => reader.close());

  log(`placing ${orders} orders`);
  const begin = Date.now();
  const placed = await placeOrders({ url, count: orders, runId, signal });
  const committed = await witness.committedOrders();
  const end = (await awaitDelivery({ committed, reader, witness, signal, log })) ?? Date.now();

  const result: RunResult = {
    database: databaseName(database.source),
    broker: kafka === null ? 'in-process' : 'kafka',
    committed: committed.length,
    rolledBack: placed.refused,
    published: await witness.publishedEvents(),
    ...tally(committed, await reader.read()),
    seconds: Math.round((end - begin) / 100) / 10,
  };
  const faults = [
    ...(shopEnded.signal.aborted ? [`the shop ended in the middle of the run (code ${shopEnded.signal.reason})`] : []),
    ...placed.faults,
    ...promiseFaults(placed, committed),
    ...resultFaults(result, orders),
  ];
  process.stdout.write(`${asText(result, orders, faults)}\n`);
  if (json) process.stdout.write(`${asJson(result)}\n`);
  return faults.length === 0 ? 0 : 1;
}

/** What was answered must be what is in the database. */
function promiseFaults({ accepted }: Placed, committed: readonly CommittedOrder[]): string[] {
  const stored = new Set(committed.map(({ orderId }) => orderId));
  return accepted.filter((id) => !stored.has(id)).map((id) => `order ${id} was accepted, but is not in the database`);
}
