import { outboxEntities } from 'nestjs-outboxed';
import type { DataSourceOptions } from 'typeorm';
import { Database } from '../support/database';
import { rounded, type Bench, type Figure, type Measured } from '../support/measure';
import { alternate, perSecond, type Contender } from '../support/rounds';
import { ratio } from '../support/statistics';
import { consumingWithout, createHandInbox } from './by-hand';
import { received, type Consume } from './received';
import { Shipment } from './shipment.entity';
import { consumingWithInbox } from './with-inbox';

interface Effort {
  readonly rounds: number;
  /** That each contender handles in a round. */
  readonly messages: number;
}

/** A handler of messages through the inbox over the same in a transaction with an inbox written by hand; and batches over one by one. */
export async function inbox(bench: Bench): Promise<Measured> {
  const effort = bench.quick ? { rounds: 3, messages: 500 } : { rounds: 15, messages: 2000 };
  const one = await overByHand(bench, 1, effort);
  const four = await overByHand(bench, 4, effort);
  const [batch, rowByRow] = await overOneByOne(bench, effort);
  return {
    figures: [...one, ...four, batch, rowByRow],
    json: {
      inbox: {
        handWritten: rounded(Math.min(...[one, four].map(([byHand]) => byHand.summary.median))),
        batch: rounded(batch.summary.median),
      },
    },
  };
}

/** Over the same handler in the same application, and over a process that does without the package. */
async function overByHand(bench: Bench, partitions: number, { rounds, messages }: Effort): Promise<[Figure, Figure]> {
  const { database, options } = await prepared(bench, partitions);
  await createHandInbox(database);
  const { oneByOne, byHand } = await consumingWithInbox(bench, options);
  const without = await consumingWithout(bench, options);
  const tables = ['event_inbox', 'hand_inbox', 'shipment'];
  const contender = (name: string, consume: Consume): Contender => ({
    name,
    measure: async () => {
      await database.tidy(tables);
      return rate(partitions, messages, consume);
    },
  });
  const contenders = [
    contender('inbox', oneByOne),
    contender('by hand', byHand),
    contender('without the package', without),
  ];
  const [ours = [], hand = [], plain = []] = await alternate(contenders, { rounds, log: bench.log, warmUp: true });
  const figure = (name: string, under: readonly number[]): Figure => ({
    what: `consuming, ${String(partitions)} ${partitions === 1 ? 'partition' : 'partitions'}: inbox / ${name}`,
    summary: ratio(ours, under),
    digits: 2,
    from: `${perSecond(ours)}, ${name} ${perSecond(under)}`,
  });
  return [figure('by hand', hand), figure('without package', plain)];
}

async function overOneByOne(bench: Bench, { rounds, messages }: Effort): Promise<[Figure, Figure]> {
  const { database, options } = await prepared(bench, 1);
  const { oneByOne, inBatches, inBatchesRowByRow } = await consumingWithInbox(bench, options);
  const contender = (name: string, count: number, consume: Consume): Contender => ({
    name,
    measure: async () => {
      await database.tidy(['event_inbox', 'shipment']);
      return rate(1, count, consume);
    },
  });
  const [batches = [], rowByRow = [], single = []] = await alternate(
    [
      contender('batches', 5 * messages, inBatches),
      contender('batches row by row', messages, inBatchesRowByRow),
      contender('one by one', messages, oneByOne),
    ],
    { rounds, log: bench.log, warmUp: true },
  );
  const figure = (what: string, figures: readonly number[]): Figure => ({
    what,
    summary: ratio(figures, single),
    digits: 1,
    from: `${perSecond(figures)}, one by one ${perSecond(single)}`,
  });
  return [
    figure('consuming: batches / one by one', batches),
    figure('consuming: batches, rows one by one / one by one', rowByRow),
  ];
}

async function prepared(
  bench: Bench,
  connections: number,
): Promise<{ database: Database; options: DataSourceOptions }> {
  const database = await Database.create(bench, [Shipment]);
  const entities = [...outboxEntities, Shipment];
  return { database, options: { type: 'postgres', url: database.url, entities, extra: { max: connections } } };
}

/** Messages a second, all partitions together. */
async function rate(partitions: number, messages: number, consume: Consume): Promise<number> {
  const payloads = Array.from({ length: partitions }, (_, partition) => received(partition, messages / partitions));
  const began = performance.now();
  await Promise.all(payloads.map(consume));
  return messages / ((performance.now() - began) / 1000);
}
