import type { Parts } from '../parts';
import type { Lifecycle } from './lifecycle';
import { Program } from './shop/program';

/** Runs the relay for a person, until it ends. */
export async function relay({ database, kafka }: Parts, lifecycle: Lifecycle): Promise<number> {
  const addresses = { DATABASE_URL: database.url, KAFKA_BROKERS: kafka.brokers.join(',') };
  const { program, said } = await Program.start({
    name: 'relay',
    script: 'relay.js',
    ready: /^The relay delivers .+$/,
    env: addresses,
    onOutput: (line) => process.stdout.write(`${line}\n`),
    onError: (line) => process.stderr.write(`${line}\n`),
  });
  lifecycle.onEnd(() => program.stop());
  process.stdout.write(`${shopBeside(said[0], addresses)}\n`);
  return program.ended;
}

function shopBeside(said: string, addresses: Readonly<Record<string, string>>): string {
  const variables = Object.entries({ ...addresses, SHOP_RELAY: 'false' }).map(([name, value]) => `${name}='${value}'`);
  return [
    '',
    `${said}. To give it something to deliver, run the shop as a writer beside it, in another terminal:`,
    '',
    `  ${variables.join(' ')} npm start`,
    '',
    'Ctrl-C ends the relay and everything that was started for it.',
  ].join('\n');
}
