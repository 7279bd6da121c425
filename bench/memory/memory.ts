import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../support/database';
import { rounded, type Bench, type Measured } from '../support/measure';
import { DELETING, drainSeconds, ONLY_WHEN_WOKEN, startRelay, warmUp } from '../support/relay';
import { inOwnScope } from '../support/scope';
import { summary } from '../support/statistics';

const EVENT_BYTES = 100_000;
const MB = 1024 * 1024;
/** After the warm-up, until what it needed is given back. */
const IDLE_FOR_MS = 3000;

/** The most resident memory above idle while a backlog of large events is drained. */
export async function memory(bench: Bench): Promise<Measured> {
  const { rows, rounds } = bench.quick ? { rows: 2000, rounds: 1 } : { rows: 20_000, rounds: 3 };
  const above: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { most, idle, seconds } = await inOwnScope(bench, (own) => once(own, rows));
    above.push((most - idle) / MB);
    rates.push((rows * EVENT_BYTES) / MB / seconds);
    bench.log(
      `round ${String(round + 1)} of ${String(rounds)}: ${above.at(-1)?.toFixed(0) ?? ''} MB above ${(idle / MB).toFixed(0)}`,
    );
  }
  const figure = summary(above);
  const gigabytes = (rows * EVENT_BYTES) / 1e9;
  const from = `${gigabytes.toFixed(1)} GB backlog, ${summary(rates).median.toFixed(0)} MB/s`;
  return {
    figures: [{ what: 'memory above idle', summary: figure, digits: 0, unit: 'MB', from }],
    json: { memoryMb: rounded(figure.median) },
  };
}

/** Each time a new process: what one has once needed it may keep. */
async function once(bench: Bench, rows: number): Promise<{ most: number; idle: number; seconds: number }> {
  const database = await Database.create(bench);
  const topic = await bench.topics.create(bench.scope);
  const relay = await startRelay(bench, database, { ...ONLY_WHEN_WOKEN, ...DELETING });
  const relays = [relay];
  await warmUp(bench, database, relays, 10_000);
  await sleep(IDLE_FOR_MS);
  const idle = await relay.ask('memory', undefined);
  relay.tell('watchMemory', undefined);
  const backlog = { topic, rows, payloadBytes: EVENT_BYTES };
  const seconds = await drainSeconds(bench, { database, relays, backlog, until: 'settled' });
  const most = await relay.ask('highestMemory', undefined);
  return { most, idle, seconds };
}
