import { startPostgres } from '../tools/parts';
import type { Comparison } from './rounds';
import { writeCost } from './write/write-cost';

const usage = 'npm run bench -- [--quick] [--json]';

/** Measures the product against what one would do without it, as ratios within one run. */
async function main(flags: readonly string[]): Promise<void> {
  const unknown = flags.find((flag) => flag !== '--quick' && flag !== '--json');
  if (unknown !== undefined) {
    throw new Error(`${unknown} is not a flag; use: ${usage}`);
  }
  const effort = flags.includes('--quick') ? { rounds: 5, milliseconds: 700 } : { rounds: 15, milliseconds: 2000 };
  const database = await startPostgres();
  try {
    const c1 = await writeCost(database.url, 1, effort);
    const c8 = await writeCost(database.url, 8, effort);
    report('writing, 1 client', c1);
    report('writing, 8 clients', c8);
    if (flags.includes('--json')) {
      console.log(JSON.stringify({ write: { c1: rounded(c1.ratio), c8: rounded(c8.ratio) } }));
    }
  } finally {
    await database.stop();
  }
}

function report(what: string, { rates: [first = 0, second = 0], ratio, spread: [low, high] }: Comparison): void {
  console.log(
    `${what}: ${first.toFixed(0)}/s with addEvent, ${second.toFixed(0)}/s with INSERT; ratio ${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`,
  );
}

function rounded(ratio: number): number {
  return Math.round(ratio * 1000) / 1000;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
