import { Child } from '../support/child';
import { Database } from '../support/database';
import { rounded, type Bench, type Figure, type Measured } from '../support/measure';
import { quantile, ratio, summary } from '../support/statistics';
import type { LatencyProgram } from './latency-process';

type Process = Child<LatencyProgram>;

interface Plan {
  readonly perSecond: number;
  readonly seconds: number;
  readonly rounds: number;
}

/** Per round: of the outbox, and of sending directly. */
type Pairs = Record<'p50' | 'p99', { outboxed: number[]; direct: number[] }>;

/** From just before the commit to the consumer, against sending directly, at a calm and at a busy rate. */
export async function latency(bench: Bench): Promise<Measured> {
  const [calm, busy] = bench.quick
    ? [
        { perSecond: 50, seconds: 4, rounds: 2 },
        { perSecond: 500, seconds: 2, rounds: 1 },
      ]
    : [
        { perSecond: 50, seconds: 20, rounds: 7 },
        { perSecond: 500, seconds: 6, rounds: 7 },
      ];
  const database = await Database.create(bench);
  const topic = await bench.topics.create(bench.scope);
  const process: Process = new Child<LatencyProgram>(bench.scope, 'latency/latency-process');
  await process.ask('start', { url: database.url, brokers: bench.brokers, topic });
  const atCalm = figures(calm, await phases(process, calm, bench.log));
  const atBusy = figures(busy, await phases(process, busy, bench.log));
  return {
    figures: [atCalm.p50, atCalm.p99, atBusy.p50, atBusy.p99],
    json: {
      latency: { p50OverMs: rounded(atCalm.p50.summary.median), p99Ratio: rounded(atCalm.p99.summary.median) },
    },
  };
}

async function phases(process: Process, { perSecond, seconds, rounds }: Plan, log: Bench['log']): Promise<Pairs> {
  const pairs: Pairs = { p50: { outboxed: [], direct: [] }, p99: { outboxed: [], direct: [] } };
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? (['outboxed', 'direct'] as const) : (['direct', 'outboxed'] as const);
    for (const name of order) {
      // The first round is for warming up.
      const milliseconds = await process.ask(name, { perSecond, seconds: round < 0 ? Math.min(2, seconds) : seconds });
      if (round >= 0) {
        pairs.p50[name].push(quantile(milliseconds, 0.5));
        pairs.p99[name].push(quantile(milliseconds, 0.99));
      }
    }
    log(`${String(perSecond)}/s: ${round < 0 ? 'warmed up' : `round ${String(round + 1)} of ${String(rounds)}`}`);
  }
  return pairs;
}

function figures({ perSecond }: Plan, { p50, p99 }: Pairs): Record<'p50' | 'p99', Figure> {
  const from = ({ outboxed, direct }: Pairs['p50']): string =>
    `${quantile(outboxed, 0.5).toFixed(2)} ms, direct ${quantile(direct, 0.5).toFixed(2)} ms`;
  return {
    p50: {
      what: `latency at ${String(perSecond)}/s: p50 over direct`,
      summary: summary(p50.outboxed.map((value, round) => value - (p50.direct[round] ?? NaN))),
      digits: 2,
      unit: 'ms',
      from: from(p50),
    },
    p99: {
      what: `latency at ${String(perSecond)}/s: p99 / direct`,
      summary: ratio(p99.outboxed, p99.direct),
      digits: 2,
      from: from(p99),
    },
  };
}
