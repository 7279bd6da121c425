import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSpan, History } from './checker/history';
import type { ChaosArguments } from './chaos-arguments';
import { consumedRecords, tables, writtenTransactions } from './history/collect';
import { endsOfPartitions, readTopics } from './history/read-topics';
import { faults } from './nemesis/faults';
import { Nemesis } from './nemesis/nemesis';
import { CONSUMER_GROUP } from './processes/parameters';
import { Chance } from './random';
import type { Stage } from './stage/stage';
import { TOPICS } from './topics';

const STARTED_WITHIN_MS = 60_000;
const DELIVERED_WITHIN_MS = 120_000;
const HANDLED_WITHIN_MS = 120_000;
const CONSUMED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 250;

/** Lets everything work and fail for a while, then waits until all is delivered, handled and read. */
export async function run(
  stage: Stage,
  { seconds, seed, faults: wanted, only }: Pick<ChaosArguments, 'seconds' | 'seed' | 'faults' | 'only'>,
  log: (line: string) => void,
): Promise<readonly FaultSpan[]> {
  await waitFor(
    STARTED_WITHIN_MS,
    () => hasBegun(stage),
    log,
    () => Promise.resolve('nothing was delivered'),
  );
  log('everything runs');
  const until = Date.now() + seconds * 1000;
  const kinds = faults.filter(({ kind, isPossible }) => kind.includes(only) && (isPossible?.(stage) ?? true));
  const nemesis = new Nemesis(stage, kinds, Chance.of(seed, 1_000_000), log);
  if (wanted) {
    await nemesis.rage(until);
  }
  await sleep(Math.max(0, until - Date.now()));
  await Promise.all(stage.of('writer').map((writer) => writer.stop()));
  log('the writers have ended; the rest is being delivered');
  await waitFor(
    DELIVERED_WITHIN_MS,
    async () => (await pending(stage)) === 0,
    log,
    async () => {
      return `${String(await pending(stage))} events are still pending`;
    },
  );
  log('nothing is pending; the consumers handle the rest');
  await waitFor(
    HANDLED_WITHIN_MS,
    async () => (await unhandled(stage)) === 0,
    log,
    async () => {
      return `the consumers have done nothing for ${String(await unhandled(stage))} events`;
    },
  );
  await waitFor(
    CONSUMED_WITHIN_MS,
    () => allConsumed(stage),
    log,
    () => Promise.resolve('the consumers have not read everything'),
  );
  log('all is read; the relays and consumers end');
  await Promise.all(
    [...stage.of('relay'), ...stage.of('consumer')].map(async (member) => {
      if (!(await member.stop())) {
        log(`${member.name} did not end in time`);
      }
    }),
  );
  return nemesis.spans;
}

/** All that the checker needs. */
export async function collect(stage: Stage, folder: string, faults: readonly FaultSpan[]): Promise<History> {
  const transactions = await writtenTransactions(stage, folder);
  const fromTables = await tables(stage);
  const records = await readTopics(stage);
  return { transactions, records, consumed: [...consumedRecords(folder)], ...fromTables, faults };
}

/** What has not come in time is not lost for that: the checker says what is missing. */
async function waitFor(
  limitMs: number,
  isSo: () => Promise<boolean>,
  log: (line: string) => void,
  otherwise: () => Promise<string>,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) {
      log(`after ${String(limitMs / 1000)} s ${await otherwise()}`);
      return;
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function hasBegun(stage: Stage): Promise<boolean> {
  return (await stage.query('select from chaos_settlement limit 1')).length > 0;
}

async function pending(stage: Stage): Promise<number> {
  const [row] = await stage.query<{ count: number }>(
    'select count(*)::int as count from event_outbox where published_at is null',
  );
  return row?.count ?? 0;
}

/** How many events were delivered, and nothing was done for them. */
async function unhandled(stage: Stage): Promise<number> {
  const [row] = await stage.query<{ count: number }>(
    `select count(*)::int as count from (
       select id from chaos_settlement
       except select id from event_outbox_dead_letter
       except select event_id from chaos_effect
     ) as event`,
  );
  return row?.count ?? 0;
}

/** By what the group has committed, which it does when it has handled. */
async function allConsumed(stage: Stage): Promise<boolean> {
  const ends = await endsOfPartitions(stage);
  const groups = await stage.admin((admin) => admin.fetchOffsets({ groupId: CONSUMER_GROUP, topics: [...TOPICS] }));
  return groups.every(({ topic, partitions }) =>
    partitions.every(({ partition, offset }) => Number(offset) >= (ends.get(`${topic}/${String(partition)}`) ?? 0)),
  );
}
