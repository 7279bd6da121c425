/** `npm start` once everything is installed and built: parts, shop, and either a person or a run of orders to serve. */
import { PartsError, type Log } from '../parts';
import { Lifecycle } from './lifecycle';
import { runOrders } from './run/run-orders';
import { serve } from './serve';
import { startShopParts } from './shop-parts';
import type { StartArguments } from './start-arguments';
import { StartError } from './start.error';

const log: Log = (line) => void process.stderr.write(`[start] ${line}\n`);

/** @returns the exit code */
export async function main({ orders, json }: StartArguments): Promise<number> {
  const lifecycle = new Lifecycle();
  const { interrupted } = lifecycle;
  const interruption = new Promise<number>((resolve) =>
    interrupted.addEventListener('abort', () => resolve(orders === null ? 0 : 130)),
  );
  const work = async (): Promise<number> => {
    const parts = await startShopParts(log, (end) => lifecycle.onEnd(end));
    return orders === null ? serve(parts, lifecycle, log) : runOrders({ orders, json, parts, lifecycle, log });
  };
  try {
    return await Promise.race([work(), interruption]);
  } catch (error) {
    if (!(error instanceof PartsError) && !(error instanceof StartError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    if (interrupted.aborted) log('stopping');
    await lifecycle.end();
  }
}
