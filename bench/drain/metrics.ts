import { Database } from '../support/database';
import { rounded, type Bench, type Measured } from '../support/measure';
import { DELETING, drainRate, ONLY_WHEN_WOKEN, startRelay, warmUp } from '../support/relay';
import { alternate, perSecond, type Contender } from '../support/rounds';
import { ratio } from '../support/statistics';

/** Three times as often as usual, so that each round has a scrape. */
const SCRAPE_EVERY_MS = 5000;

/** A backlog drained with metrics, which are scraped all the while, and without. */
export async function metrics(bench: Bench): Promise<Measured> {
  const { rows, rounds } = bench.quick ? { rows: 20_000, rounds: 2 } : { rows: 100_000, rounds: 9 };
  const contender = async (name: string, enableMetrics: boolean): Promise<Contender> => {
    const database = await Database.create(bench);
    const topic = await bench.topics.create(bench.scope);
    const relays = [await startRelay(bench, database, { ...ONLY_WHEN_WOKEN, ...DELETING, enableMetrics })];
    await warmUp(bench, database, relays, 20_000);
    const scraping = enableMetrics
      ? setInterval(() => relays.forEach((relay) => relay.tell('scrape', undefined)), SCRAPE_EVERY_MS)
      : undefined;
    bench.scope.onEnd(() => Promise.resolve(clearInterval(scraping)));
    return {
      name,
      measure: async () => {
        await database.tidy();
        return drainRate(bench, { database, relays, backlog: { topic, rows }, until: 'settled' });
      },
    };
  };
  const [on = [], off = []] = await alternate([await contender('with', true), await contender('without', false)], {
    rounds,
    log: bench.log,
    warmUp: !bench.quick,
  });
  const figure = {
    what: 'drain with metrics / without',
    summary: ratio(on, off),
    digits: 2,
    from: `${perSecond(on)}, without ${perSecond(off)}`,
  };
  return { figures: [figure], json: { metrics: rounded(figure.summary.median) } };
}
