/** `npm run parts`: starts PostgreSQL and Kafka, says where they are, and stays until it is told to end. */
import { createInterface } from 'node:readline';
import { answer } from './cli/commands';
import { describeAsJson, describeForPeople } from './cli/describe';
import { PartsError } from './errors';
import { logToStderr as log } from './log';
import { startParts, type Parts } from './start-parts';

/** For an end before everything is up, and for the impatient: what was started notices that this process is gone. */
const abandon = (): void => process.exit(130);

async function main(): Promise<void> {
  let end = abandon;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end());

  const parts = await startParts({ log });
  end = (): void => {
    end = abandon;
    log('stopping');
    parts.stop().then(() => process.exit(0), fail);
  };
  const describe = process.argv.includes('--json') ? describeAsJson : describeForPeople;
  process.stdout.write(`${describe(parts, process.pid)}\n`);
  obeyStandardInput(parts, () => end());
}

function obeyStandardInput(parts: Parts, end: () => void): void {
  setInterval(() => undefined, 2 ** 30); // stays up even when standard input has ended
  let previous = Promise.resolve();
  createInterface({ input: process.stdin }).on('line', (text) => {
    const line = text.trim();
    if (line === '') return;
    if (line === 'stop') return end();
    previous = previous.then(async () => (await answer(line, parts)).split('\n').forEach(log));
  });
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof PartsError ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
