/** `npm run bench` once everything is installed and built: what the product costs and does, as ratios within one run. */
import { PartsError, startParts } from '../tools/parts';
import { Lifecycle } from '../tools/start/lifecycle';
import { BenchArgumentsError, parseArguments, type BenchArguments } from './bench-arguments';
import { measures, type MeasureName } from './measures';
import type { Figure } from './support/measure';
import { Scope } from './support/scope';
import { Topics } from './support/topics';
import { table } from './table';

const log = (line: string): void => void process.stderr.write(`[bench] ${line}\n`);

/** @returns the exit code */
async function main(given: readonly string[]): Promise<number> {
  const wanted = parseArguments(given, Object.keys(measures));
  const lifecycle = new Lifecycle();
  const { interrupted } = lifecycle;
  const interruption = new Promise<number>((resolve) => interrupted.addEventListener('abort', () => resolve(130)));
  try {
    return await Promise.race([run(wanted, lifecycle), interruption]);
  } finally {
    if (interrupted.aborted) {
      log('stopping');
    }
    await lifecycle.end();
  }
}

async function run({ quick, json, only }: BenchArguments, lifecycle: Lifecycle): Promise<number> {
  const parts = await startParts({ log });
  lifecycle.onEnd(() => parts.stop());
  const connections = new Scope();
  lifecycle.onEnd(() => connections.end());
  const topics = await Topics.open(parts.kafka.brokers, connections);

  const figures: Figure[] = [];
  let result: Readonly<Record<string, unknown>> = {};
  for (const name of only as readonly MeasureName[]) {
    const began = performance.now();
    const scope = new Scope();
    lifecycle.onEnd(() => scope.end());
    const measured = await measures[name]({
      quick,
      server: parts.database.url,
      brokers: parts.kafka.brokers,
      topics,
      scope,
      log: (line) => log(`${name}: ${line}`),
    });
    await scope.end();
    log(`${name}: took ${((performance.now() - began) / 1000).toFixed(0)} s`);
    figures.push(...measured.figures);
    result = { ...result, ...measured.json };
  }
  console.log(table(figures));
  if (json) {
    console.log(JSON.stringify(result));
  }
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const expected = error instanceof PartsError || error instanceof BenchArgumentsError;
    process.stderr.write(`${error instanceof Error && !expected ? String(error.stack) : messageOf(error)}\n`);
    process.exit(1);
  },
);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
