import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../support/database';
import { rounded, type Bench, type Measured } from '../support/measure';
import { startRelay, warmUp } from '../support/relay';
import { summary } from '../support/statistics';
import { StatementCounter } from './statement-counter';

/** After the warm-up, until a relay that has nothing to do has noticed. */
const SETTLE_MS = 3000;

/** What a relay with its usual options costs while nothing happens. */
export async function idle(bench: Bench): Promise<Measured> {
  const { seconds, rounds } = bench.quick ? { seconds: 6, rounds: 1 } : { seconds: 20, rounds: 5 };
  const database = await Database.create(bench);
  const counter = await StatementCounter.open(database.url, bench.scope);
  const relay = await startRelay(bench, { url: counter.url }, {});
  await warmUp(bench, database, [relay], 1000);
  await sleep(SETTLE_MS);
  const statements: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = { at: performance.now(), count: counter.count, cpu: await relay.ask('cpu', undefined) };
    await sleep(seconds * 1000);
    const passed = (performance.now() - before.at) / 1000;
    statements.push((counter.count - before.count) / passed);
    cpu.push(((await relay.ask('cpu', undefined)) - before.cpu) / passed);
    bench.log(`round ${String(round + 1)} of ${String(rounds)}`);
  }
  const from = `windows of ${String(seconds)} s`;
  const perSecond = summary(statements);
  const share = summary(cpu);
  return {
    figures: [
      { what: 'idle: statements per second', summary: perSecond, digits: 2, unit: '/s', from },
      { what: 'idle: share of a core', summary: share, digits: 4, from },
    ],
    json: { idle: { statementsPerSecond: rounded(perSecond.median), cpu: Math.round(share.median * 1e5) / 1e5 } },
  };
}
