import type { OutboxOptions } from 'nestjs-outboxed';
import { Child } from '../support/child';
import { Database } from '../support/database';
import { rounded, type Bench, type Figure, type Measured } from '../support/measure';
import { DELETING, drainRate, ONLY_WHEN_WOKEN, startRelay, warmUp } from '../support/relay';
import { alternate, perSecond, type Contender } from '../support/rounds';
import { ratio } from '../support/statistics';
import { HandWrittenOutbox } from './hand-written-outbox';
import type { KafkaJsProgram } from './kafkajs-process';

const BATCH_SIZE = 1000;
/** Records that kafkajs sends, all over again for a longer backlog; so many warm up the relays as well. */
const LOADED = 20_000;
const WARM_UP_BY_HAND = 200;

/** A backlog drained by the relay, deleting and keeping; against bare kafkajs, and against the outbox that people write by hand. */
export async function drain(bench: Bench): Promise<Measured> {
  const { rows, byHand, rounds } = bench.quick
    ? { rows: 20_000, byHand: 1000, rounds: 2 }
    : { rows: 100_000, byHand: 3000, rounds: 9 };
  const [deleting, keeping] = await Promise.all([
    relayContender(bench, 'deleting', rows, DELETING),
    relayContender(bench, 'keeping', rows, {}),
  ]);
  const kafkajs = await kafkaJsContender(bench, deleting.loaded, rows);
  const outbox = await HandWrittenOutbox.create(bench, await Database.create(bench));
  await outbox.drainRate(WARM_UP_BY_HAND);
  const cron = { name: 'by hand', measure: () => outbox.drainRate(byHand) };

  const rates = await alternate([deleting, keeping, kafkajs, cron], { rounds, log: bench.log, warmUp: !bench.quick });
  const [deletes = [], keeps = [], bare = [], cronRates = []] = rates;
  const figure = (what: string, over: number[], under: number[], name: string): Figure => ({
    what,
    summary: ratio(over, under),
    digits: 2,
    from: `${perSecond(over)}, ${name} ${perSecond(under)}`,
  });
  const figures = {
    delete: figure('drain, deleting / bare kafkajs', deletes, bare, 'bare'),
    keep: figure('drain, keeping / bare kafkajs', keeps, bare, 'bare'),
    cron: figure('drain, deleting / by hand', deletes, cronRates, 'by hand'),
  };
  const json = Object.fromEntries(
    Object.entries(figures).map(([name, { summary }]) => [name, rounded(summary.median)]),
  );
  const kept = figure('drain, keeping / by hand', keeps, cronRates, 'by hand');
  return { figures: [...Object.values(figures), kept], json: { drain: json } };
}

async function relayContender(
  bench: Bench,
  name: string,
  rows: number,
  retention: Partial<OutboxOptions>,
): Promise<Contender & { loaded: string }> {
  const database = await Database.create(bench);
  const topic = await bench.topics.create(bench.scope);
  const loaded = await bench.topics.create(bench.scope);
  const relays = [await startRelay(bench, database, { ...ONLY_WHEN_WOKEN, ...retention, batchSize: BATCH_SIZE })];
  await warmUp(bench, database, relays, LOADED, loaded);
  const measure = async (): Promise<number> => {
    await database.tidy();
    return drainRate(bench, { database, relays, backlog: { topic, rows }, until: 'settled' });
  };
  return { name, loaded, measure };
}

async function kafkaJsContender(bench: Bench, loaded: string, rows: number): Promise<Contender> {
  const topic = await bench.topics.create(bench.scope);
  const sender = new Child<KafkaJsProgram>(bench.scope, 'drain/kafkajs-process');
  await sender.ask('start', { brokers: bench.brokers });
  await sender.ask('load', { topic: loaded, count: LOADED });
  // Warm as the relays are: its connections open, its code compiled.
  await sender.ask('send', { topic, count: LOADED, batchSize: BATCH_SIZE });
  const measure = async (): Promise<number> =>
    rows / (await sender.ask('send', { topic, count: rows, batchSize: BATCH_SIZE }));
  return { name: 'kafkajs', measure };
}
