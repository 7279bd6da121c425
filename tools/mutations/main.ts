/**
 * `npm run mutations [-- <words of a safeguard>]`: takes one safeguard after the other out of a copy of the sources, and shows that a test or the chaos run
 * notices. A safeguard whose removal nothing notices is not tested.
 */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copySources } from '../copy/copy-sources';
import { startParts, type Parts } from '../parts';
import { Lifecycle } from '../start/lifecycle';
import { applyChange } from './apply';
import { build, runChaos, runTests, type Answer } from './checks';
import { mutations, type Mutation } from './mutations';

interface Row {
  readonly safeguard: string;
  readonly tests: Answer;
  readonly chaos: Answer | undefined;
}

const root = join(__dirname, '../../..');
const log = (line: string): void => void process.stderr.write(`[mutations] ${line}\n`);

/** @returns the exit code */
async function main(words: string): Promise<number> {
  const chosen = mutations.filter(({ safeguard }) => safeguard.includes(words));
  if (chosen.length === 0) {
    log(`no safeguard holds "${words}"; there are:\n  ${mutations.map(({ safeguard }) => safeguard).join('\n  ')}`);
    return 1;
  }
  const lifecycle = new Lifecycle();
  const { interrupted } = lifecycle;
  const interruption = new Promise<number>((resolve) => interrupted.addEventListener('abort', () => resolve(130)));
  try {
    return await Promise.race([checkAll(chosen, lifecycle), interruption]);
  } finally {
    await lifecycle.end();
  }
}

async function checkAll(chosen: readonly Mutation[], lifecycle: Lifecycle): Promise<number> {
  // One pair for all tests; a chaos run has its own.
  const parts = await startParts({ log });
  lifecycle.onEnd(() => parts.stop());
  const rows: Row[] = [];
  const whole = await answers({ ...allChecks(chosen), safeguard: 'nothing taken out', changes: [] }, parts, lifecycle);
  rows.push(whole);
  for (const mutation of chosen) {
    rows.push(await answers(mutation, parts, lifecycle));
  }
  const width = Math.max(...rows.map(({ safeguard }) => safeguard.length));
  console.log(`${'taken out'.padEnd(width)}  tests   chaos`);
  for (const { safeguard, tests, chaos = '-' } of rows) {
    console.log(`${safeguard.padEnd(width)}  ${tests.padEnd(6)}  ${chaos}`);
  }
  const isSound = whole.tests === 'passed' && (whole.chaos ?? 'passed') === 'passed';
  const unnoticed = rows.slice(1).filter(({ tests, chaos }) => tests !== 'failed' || (chaos ?? 'failed') !== 'failed');
  if (!isSound) console.log('The checks do not pass as they stand, so that their failing says nothing.');
  unnoticed.forEach(({ safeguard }) => console.log(`NOT NOTICED: ${safeguard}`));
  return isSound && unnoticed.length === 0 ? 0 : 1;
}

/** What must pass while nothing is taken out. */
function allChecks(chosen: readonly Mutation[]): Pick<Mutation, 'tests' | 'chaos'> {
  const chaos = chosen.find(({ chaos: args }) => args !== undefined)?.chaos;
  return { tests: [...new Set(chosen.flatMap(({ tests }) => tests))], ...(chaos && { chaos }) };
}

async function answers(
  { safeguard, changes, tests, chaos }: Mutation,
  { database, kafka }: Parts,
  lifecycle: Lifecycle,
): Promise<Row> {
  const copy = mkdtempSync(join(tmpdir(), 'nestjs-outboxed-mutation-'));
  const remove = (): void => rmSync(copy, { recursive: true, force: true });
  lifecycle.onEnd(() => Promise.resolve(remove()));
  log(`${safeguard}: testing`);
  copySources(root, copy);
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  changes.forEach((change) => applyChange(copy, change));
  const env = { ...process.env, DATABASE_URL: database.url, KAFKA_BROKERS: kafka.brokers.join(',') };
  const byTests = await runTests(copy, tests, env, (test) => log(`  fails: ${test}`));
  let byChaos: Answer | undefined;
  if (chaos !== undefined) {
    log(`${safeguard}: tests ${byTests}; chaos`);
    byChaos = (await build(copy)) ? await runChaos(copy, chaos, (what) => log(`  finds: ${what}`)) : 'broken';
  }
  log(`${safeguard}: tests ${byTests}, chaos ${byChaos ?? 'not asked'}`);
  remove();
  return { safeguard, tests: byTests, chaos: byChaos };
}

main(process.argv.slice(2).join(' ')).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? String(error.stack) : String(error)}\n`);
    process.exit(1);
  },
);
