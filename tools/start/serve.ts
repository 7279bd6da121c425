import type { Log } from '../parts';
import type { Lifecycle } from './lifecycle';
import type { ShopParts } from './shop-parts';
import { isFree } from './shop/is-free';
import { Shop } from './shop/shop';
import { whatToTry } from './what-to-try';

const USUAL_PORT = 3000;
const ANY_PORT = '0';

/** Runs the shop for a person, until it ends. */
export async function serve({ database, kafka }: ShopParts, lifecycle: Lifecycle, log: Log): Promise<number> {
  const shop = await Shop.start({
    port: await choosePort(log),
    databaseUrl: database.url,
    brokers: kafka?.brokers ?? null,
    onOutput: (line) => process.stdout.write(`${line}\n`),
    onError: (line) => process.stderr.write(`${line}\n`),
  });
  lifecycle.onEnd(() => shop.stop());
  process.stdout.write(`${whatToTry(shop.url, kafka !== null)}\n`);
  return shop.ended;
}

async function choosePort(log: Log): Promise<string> {
  const asked = process.env['PORT'];
  // As it is, the shop says best what is wrong with it.
  if (asked !== undefined && asked !== '') return asked;
  if (await isFree(USUAL_PORT)) return String(USUAL_PORT);
  log(`port ${USUAL_PORT} is in use, so the shop takes a free one (set PORT to choose)`);
  return ANY_PORT;
}
