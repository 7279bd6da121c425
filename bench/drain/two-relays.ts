import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../support/database';
import { rounded, type Bench, type Measured } from '../support/measure';
import { DELETING, drainRate, startRelay, warmUp } from '../support/relay';
import { alternate, perSecond, type Contender } from '../support/rounds';
import { ratio } from '../support/statistics';

/** How long two relays may take to share the lanes; not all versions share. */
const SHARED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 100;

/** A backlog drained by two relay processes over one drained by one. */
export async function twoRelays(bench: Bench): Promise<Measured> {
  const { rows, rounds } = bench.quick ? { rows: 20_000, rounds: 2 } : { rows: 200_000, rounds: 7 };
  const [alone, both] = await Promise.all([contender(bench, 'one', rows, 1), contender(bench, 'two', rows, 2)]);
  const [one = [], two = []] = await alternate([alone, both], { rounds, log: bench.log, warmUp: !bench.quick });
  const summary = ratio(two, one);
  const from = `${perSecond(two)}, one ${perSecond(one)}`;
  return {
    figures: [{ what: 'two relays / one', summary, digits: 2, from }],
    json: { twoRelays: rounded(summary.median) },
  };
}

async function contender(bench: Bench, name: string, rows: number, count: number): Promise<Contender> {
  const database = await Database.create(bench);
  const topic = await bench.topics.create(bench.scope);
  // With their usual poll: sharing takes place at its pace.
  const relays = await Promise.all(Array.from({ length: count }, () => startRelay(bench, database, DELETING)));
  await untilShared(database, count, bench.log);
  await warmUp(bench, database, relays, 5000 * count);
  const measure = async (): Promise<number> => {
    await database.tidy();
    return drainRate(bench, { database, relays, backlog: { topic, rows }, until: 'written' });
  };
  return { name, measure };
}

async function untilShared(database: Database, relays: number, log: Bench['log']): Promise<void> {
  const deadline = performance.now() + SHARED_WITHIN_MS;
  for (;;) {
    const [row] = await database.query<{ owners: string }>(
      'select count(distinct owner)::text as owners from event_outbox_lane where expires_at > clock_timestamp()',
    );
    if (Number(row?.owners) >= relays) {
      return;
    }
    if (performance.now() > deadline) {
      log(`${String(relays)} relays run, and ${row?.owners ?? '0'} of them own lanes`);
      return;
    }
    await sleep(LOOK_EVERY_MS);
  }
}
