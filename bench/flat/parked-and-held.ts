import { keysNamed } from '../support/backlog';
import { Database } from '../support/database';
import type { Bench, Figure } from '../support/measure';
import { DELETING, drainRate, ONLY_WHEN_WOKEN, startRelay, warmUp, type Relay } from '../support/relay';
import { alternate, perSecond } from '../support/rounds';
import { Scope } from '../support/scope';
import { ratio } from '../support/statistics';

interface Parts {
  readonly database: Database;
  readonly topic: string;
  readonly relays: readonly Relay[];
}

/** The same backlog: plain, with many rows parked behind a failing one of another key, and with a transaction open throughout. */
export async function disturbedFlatness(bench: Bench): Promise<{ parked: Figure; held: Figure }> {
  const { rows, parked, rounds } = bench.quick
    ? { rows: 20_000, parked: 20_000, rounds: 2 }
    : { rows: 100_000, parked: 100_000, rounds: 7 };
  const [plain, withParked] = await Promise.all([startParts(bench), startParts(bench, parked)]);
  const measure = async ({ database, topic, relays }: Parts): Promise<number> => {
    await database.tidy();
    return drainRate(bench, { database, relays, backlog: { topic, rows }, until: 'written' });
  };
  const [plainRates = [], parkedRates = [], heldRates = []] = await alternate(
    [
      { name: 'plain', measure: () => measure(plain) },
      { name: 'parked', measure: () => measure(withParked) },
      { name: 'held', measure: () => withOpenTransaction(plain, () => measure(plain)) },
    ],
    { rounds, log: bench.log, warmUp: !bench.quick },
  );
  const figure = (what: string, rates: number[]): Figure => ({
    what,
    summary: ratio(rates, plainRates),
    digits: 2,
    from: `${perSecond(rates)}, plain ${perSecond(plainRates)}`,
  });
  return {
    parked: figure(`flat: ${String(parked)} rows parked / plain`, parkedRates),
    held: figure('flat: a transaction open throughout / plain', heldRates),
  };
}

async function startParts(bench: Bench, parked = 0): Promise<Parts> {
  const database = await Database.create(bench);
  const topic = await bench.topics.create(bench.scope);
  if (parked > 0) {
    const keys = keysNamed('parked', 1);
    await (await database.prepare({ topic: `${topic}-parked`, rows: parked, keys })).commit();
    // It has failed and waits for its retry, which is far away.
    await database.query(
      `update event_outbox set attempts = 1, last_error = 'refused', retry_at = clock_timestamp() + interval '1 day'
       where seq = (select min(seq) from event_outbox)`,
    );
  }
  const relays = [await startRelay(bench, database, { ...ONLY_WHEN_WOKEN, ...DELETING })];
  await warmUp(bench, database, relays, 10_000, topic);
  return { database, topic, relays };
}

/** It has an id and a snapshot, so that nothing that dies meanwhile can be cleaned up. */
async function withOpenTransaction<T>({ database }: Parts, work: () => Promise<T>): Promise<T> {
  const scope = new Scope();
  const client = await database.connection(scope);
  try {
    await client.query('begin isolation level repeatable read');
    await client.query('select pg_current_xact_id(), (select count(*) from event_outbox)');
    return await work();
  } finally {
    await scope.end();
  }
}
