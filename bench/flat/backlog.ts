import { Database } from '../support/database';
import type { Bench, Figure } from '../support/measure';
import { DELETING, drainRate, drainSeconds, ONLY_WHEN_WOKEN, startRelay, warmUp } from '../support/relay';
import { alternate, perSecond } from '../support/rounds';
import { inOwnScope } from '../support/scope';
import { ratio } from '../support/statistics';

const SMALL = 10_000;

/** The first part of a large backlog against as many events in small backlogs, one after the other. */
export async function backlogFlatness(bench: Bench): Promise<Figure> {
  const { large, first, rounds } = bench.quick
    ? { large: 120_000, first: 20_000, rounds: 2 }
    : { large: 1_000_000, first: 100_000, rounds: 5 };

  const inLarge = withOwnRelay(bench, (own, parts) =>
    drainRate(own, { ...parts, backlog: { topic: parts.topic, rows: large }, first, until: 'written' }),
  );
  const inSmall = withOwnRelay(bench, async (own, parts) => {
    let seconds = 0;
    for (let done = 0; done < first; done += SMALL) {
      await parts.database.tidy();
      seconds += await drainSeconds(own, { ...parts, backlog: { topic: parts.topic, rows: SMALL }, until: 'written' });
    }
    return first / seconds;
  });
  const [ofLarge = [], ofSmall = []] = await alternate(
    [
      { name: 'large', measure: inLarge },
      { name: 'small', measure: inSmall },
    ],
    // Each time a new process, which warms up by itself.
    { rounds, log: bench.log, warmUp: false },
  );
  return {
    what: `flat: backlog of ${String(large)} / ${String(SMALL)}`,
    summary: ratio(ofLarge, ofSmall),
    digits: 2,
    from: `${perSecond(ofLarge)}, small ${perSecond(ofSmall)}`,
  };
}

interface OwnParts {
  readonly database: Database;
  readonly relays: Awaited<ReturnType<typeof startRelay>>[];
  readonly topic: string;
}

/** What is left of a large backlog must not be drained while the next is measured. */
function withOwnRelay(bench: Bench, measure: (own: Bench, parts: OwnParts) => Promise<number>): () => Promise<number> {
  return () =>
    inOwnScope(bench, async (own) => {
      const database = await Database.create(own);
      const topic = await own.topics.create(own.scope);
      const relays = [await startRelay(own, database, { ...ONLY_WHEN_WOKEN, ...DELETING })];
      await warmUp(own, database, relays, SMALL);
      return measure(own, { database, relays, topic });
    });
}
