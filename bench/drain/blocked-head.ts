import { keysNamed } from '../support/backlog';
import { Database } from '../support/database';
import { rounded, type Bench, type Measured } from '../support/measure';
import { DELETING, drainSeconds, ONLY_WHEN_WOKEN, startRelay, warmUp } from '../support/relay';
import { alternate } from '../support/rounds';
import { summary } from '../support/statistics';

const OTHERS = 5000;

/** Many events behind one that the broker refuses, and then some of other keys: seconds until those are out. */
export async function blockedHead(bench: Bench): Promise<Measured> {
  const { parked, rounds } = bench.quick ? { parked: 20_000, rounds: 2 } : { parked: 100_000, rounds: 7 };
  const database = await Database.create(bench);
  const topic = await bench.topics.create(bench.scope);
  const relays = [await startRelay(bench, database, { ...ONLY_WHEN_WOKEN, ...DELETING })];
  await warmUp(bench, database, relays, 10_000);
  let round = 0;
  const measure = async (): Promise<number> => {
    // What stayed of the last round, and a key that nothing is known of.
    await database.query('delete from event_outbox');
    await database.tidy();
    const keys = keysNamed(`blocked-${String(round++)}`, 1);
    const behind = [
      { topic: `${topic}-that-nobody-made`, rows: 1, keys },
      { topic: await bench.topics.create(bench.scope), rows: parked, keys },
    ];
    return drainSeconds(bench, { database, relays, backlog: { topic, rows: OTHERS }, behind, until: 'written' });
  };
  const [seconds = []] = await alternate([{ name: 'milliseconds', measure: async () => 1000 * (await measure()) }], {
    rounds,
    log: bench.log,
    warmUp: !bench.quick,
  });
  const figure = summary(seconds.map((milliseconds) => milliseconds / 1000));
  return {
    figures: [
      {
        what: 'blocked head',
        summary: figure,
        digits: 3,
        unit: 's',
        from: `${String(OTHERS)} rows behind ${String(parked)} of a failing key`,
      },
    ],
    json: { blockedHeadSeconds: rounded(figure.median) },
  };
}
