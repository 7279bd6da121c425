/** `npm start` and `npm run relay` once everything is installed and built: parts, and what is to run on them. */
import { PartsError, startParts, type Log } from '../parts';
import { Lifecycle } from './lifecycle';
import { relay } from './relay';
import { runOrders } from './run/run-orders';
import { serve } from './serve';
import { startShopParts } from './shop-parts';
import type { StartArguments } from './start-arguments';
import { StartError } from './start.error';

const log: Log = (line) => void process.stderr.write(`[start] ${line}\n`);

/** Either a person or a run of orders to serve. Resolves with the exit code. */
export function main({ orders, json }: StartArguments): Promise<number> {
  return untilEnd(orders === null ? 0 : 130, async (lifecycle) => {
    const parts = await startShopParts(log, (end) => lifecycle.onEnd(end));
    return orders === null ? serve(parts, lifecycle, log) : runOrders({ orders, json, parts, lifecycle, log });
  });
}

/** The relay in a process of its own. Resolves with the exit code. */
export function relayMain(): Promise<number> {
  return untilEnd(0, async (lifecycle) => {
    const parts = await startParts({ log });
    lifecycle.onEnd(() => parts.stop());
    return relay(parts, lifecycle);
  });
}

/** @param interrupted the exit code if the person at the terminal ends it */
async function untilEnd(interrupted: number, work: (lifecycle: Lifecycle) => Promise<number>): Promise<number> {
  const lifecycle = new Lifecycle();
  const interruption = new Promise<number>((resolve) =>
    lifecycle.interrupted.addEventListener('abort', () => resolve(interrupted)),
  );
  try {
    return await Promise.race([work(lifecycle), interruption]);
  } catch (error) {
    if (!(error instanceof PartsError) && !(error instanceof StartError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    if (lifecycle.interrupted.aborted) log('stopping');
    await lifecycle.end();
  }
}
