import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../parts';
import type { EventReader } from './event-reader';
import type { CommittedOrder } from './tally';
import type { Witness } from './witness';

export interface AwaitOptions {
  readonly committed: readonly CommittedOrder[];
  readonly reader: EventReader;
  readonly witness: Pick<Witness, 'publishedEvents'>;
  readonly signal: AbortSignal;
  readonly log: Log;
}

const LOOK_EVERY_MS = 200;
const SAY_EVERY_MS = 5000;
/** Enough for a broker that is killed, comes back after half a minute, and lets its consumers in again. */
const PATIENCE_MS = 120_000;
/** Time for what should not come: phantoms and repetitions. */
const SETTLE_MS = 1000;

/**
 * Waits until every committed order's event was consumed and recorded as published.
 *
 * @returns when that was, or undefined if nothing has moved for too long
 */
export async function awaitDelivery({
  committed,
  reader,
  witness,
  signal,
  log,
}: AwaitOptions): Promise<number | undefined> {
  let last = -1;
  let movedAt = Date.now();
  let saidAt = Date.now();
  while (!signal.aborted) {
    const consumed = new Set((await reader.read()).map(({ orderId }) => orderId));
    const published = await witness.publishedEvents();
    const missing = committed.filter(({ orderId }) => !consumed.has(orderId)).length;
    const now = Date.now();
    if (missing === 0 && published >= committed.length) {
      await sleep(SETTLE_MS);
      return now;
    }
    const trouble = reader.trouble === undefined ? '' : ` (the broker: ${reader.trouble})`;
    const state = `${committed.length - missing} of ${committed.length} events consumed, ${published} published${trouble}`;
    if (consumed.size + published !== last) {
      last = consumed.size + published;
      movedAt = now;
    }
    if (now - movedAt > PATIENCE_MS) {
      log(`gave up, as nothing has moved for ${PATIENCE_MS / 1000} s: ${state}`);
      return undefined;
    }
    if (now - saidAt > SAY_EVERY_MS) {
      saidAt = now;
      log(`waiting for the consumer: ${state}`);
    }
    await sleep(LOOK_EVERY_MS);
  }
  return undefined;
}
