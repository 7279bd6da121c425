import { keysNamed } from '../support/backlog';
import { Database } from '../support/database';
import { rounded, type Bench, type Measured } from '../support/measure';
import { DELETING, drainRate, ONLY_WHEN_WOKEN, startRelay, warmUp } from '../support/relay';
import { alternate, perSecond, type Contender } from '../support/rounds';
import { ratio } from '../support/statistics';

/** A backlog of one key against one of 500: the order of a key must not cost its speed. */
export async function hotKey(bench: Bench): Promise<Measured> {
  const { rows, rounds } = bench.quick ? { rows: 20_000, rounds: 2 } : { rows: 100_000, rounds: 7 };
  const database = await Database.create(bench);
  const topic = await bench.topics.create(bench.scope);
  const relays = [await startRelay(bench, database, { ...ONLY_WHEN_WOKEN, ...DELETING })];
  await warmUp(bench, database, relays, 10_000);
  const contender = (name: string, keys?: readonly string[]): Contender => ({
    name,
    measure: async () => {
      await database.tidy();
      return drainRate(bench, { database, relays, backlog: { topic, rows, keys }, until: 'written' });
    },
  });
  const [one = [], many = []] = await alternate([contender('one key', keysNamed('hot', 1)), contender('500 keys')], {
    rounds,
    log: bench.log,
    warmUp: !bench.quick,
  });
  const summary = ratio(one, many);
  const from = `${perSecond(one)}, 500 keys ${perSecond(many)}`;
  return {
    figures: [{ what: 'one key / 500 keys', summary, digits: 2, from }],
    json: { hotKey: rounded(summary.median) },
  };
}
