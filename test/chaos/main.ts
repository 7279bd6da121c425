/** `npm run chaos` once everything is installed and built: everything goes wrong, and a checker says whether a promise was broken. */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PartsError } from '../../tools/parts';
import { Lifecycle } from '../../tools/start/lifecycle';
import { ChaosArgumentsError, parseArguments, type ChaosArguments } from './chaos-arguments';
import { check } from './checker/check';
import { keepHistory, loadHistory } from './history/kept-history';
import { faults } from './nemesis/faults';
import { LEASE_SECONDS } from './processes/parameters';
import { collect, run } from './run';
import { Stage } from './stage/stage';
import { hasFailed, json, summary, type Outcome } from './summary';

/** Leases lapse, a standby looks, and a busy machine takes its time. */
const TAKEOVER_MS = (LEASE_SECONDS + 15) * 1000;

const began = Date.now();
const log = (line: string): void =>
  void process.stderr.write(`[chaos] ${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);

/** @returns the exit code */
async function main(given: readonly string[]): Promise<number> {
  const wanted = parseArguments(given, randomInt(2 ** 31), [...new Set(faults.map(({ kind }) => kind))]);
  if (wanted.check !== undefined) {
    const verdict = check(loadHistory(wanted.check), TAKEOVER_MS);
    console.log(summary({ ...wanted, verdict, faults: [], crashes: [] }));
    return 0;
  }
  const lifecycle = new Lifecycle();
  const { interrupted } = lifecycle;
  const interruption = new Promise<number>((resolve) => interrupted.addEventListener('abort', () => resolve(130)));
  try {
    return await Promise.race([chaos(wanted, lifecycle), interruption]);
  } finally {
    await lifecycle.end();
  }
}

async function chaos(wanted: ChaosArguments, lifecycle: Lifecycle): Promise<number> {
  const { seed, seconds, eventsPerSecond } = wanted;
  log(`seed ${String(seed)}, ${String(seconds)} s`);
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-outboxed-chaos-'));
  let kept = false;
  lifecycle.onEnd(() => {
    if (!kept) {
      rmSync(folder, { recursive: true, force: true });
    }
    return Promise.resolve();
  });
  const stage = await Stage.open({ seed, folder, eventsPerSecond, log }, lifecycle);
  const spans = await run(stage, wanted, log);
  const history = await collect(stage, folder, spans);
  log('checking');
  const outcome: Outcome = {
    seed,
    seconds,
    verdict: check(history, TAKEOVER_MS),
    faults: spans,
    crashes: stage.crashes,
  };
  const failed = hasFailed(outcome);
  kept = failed || wanted.keep;
  console.log(summary(outcome));
  if (kept) {
    keepHistory(folder, history);
    console.log(`The history is kept in ${folder}: npm run chaos -- --check ${folder}`);
  }
  console.log(failed ? 'FAILED' : 'No promise was broken');
  if (wanted.json) {
    console.log(json(outcome));
  }
  return failed ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const expected = error instanceof PartsError || error instanceof ChaosArgumentsError;
    process.stderr.write(`${error instanceof Error && !expected ? String(error.stack) : messageOf(error)}\n`);
    process.exit(1);
  },
);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
