import type { ConsumedRecord, DeadLetter, History, Settlement, WrittenTransaction } from '../checker/history';
import type { Stage } from '../stage/stage';
import { journalLines } from './journal';
import { CONSUMER_JOURNAL, WRITER_JOURNAL, type ConsumerLine, type WriterLine } from './journal-lines';

type Noted = {
  -readonly [Field in keyof WrittenTransaction]: WrittenTransaction[Field];
} & { readonly xid: string };

/** What the writers meant, with the outcome that PostgreSQL knows by the transactions' ids. */
export async function writtenTransactions(stage: Stage, folder: string): Promise<WrittenTransaction[]> {
  const noted = new Map<string, Noted>();
  for (const line of journalLines<WriterLine>(folder, WRITER_JOURNAL)) {
    if ('begun' in line) {
      const { begun: name, xid, events } = line;
      noted.set(name, { name, xid, events: [], undone: events, committedAt: null, told: undefined });
    } else {
      const transaction = noted.get('committing' in line ? line.committing : line.told);
      if (transaction === undefined) {
        continue; // it never got an id, so that it cannot have written
      }
      if ('committing' in line) {
        transaction.events = line.events;
        transaction.undone = line.undone;
      } else {
        transaction.told = line.outcome;
      }
    }
  }
  const commits = await commitTimes(
    stage,
    [...noted.values()].map(({ xid }) => xid),
  );
  return [...noted.values()].map(({ xid, ...transaction }) => ({
    ...transaction,
    committedAt: commits.get(xid) ?? null,
  }));
}

/** In microseconds; those that rolled back are missing. */
async function commitTimes(stage: Stage, xids: readonly string[]): Promise<Map<string, number>> {
  const rows = await stage.query<{ xid: string; status: string; at: string | null }>(
    `select x as xid, pg_xact_status(x::xid8) as status,
            (extract(epoch from pg_xact_commit_timestamp(x::xid8::xid)) * 1000000)::bigint::text as at
     from unnest($1::text[]) as x`,
    [xids],
  );
  const commits = new Map<string, number>();
  for (const { xid, status, at } of rows) {
    if (status !== 'committed' && status !== 'aborted') {
      throw new Error(`PostgreSQL cannot tell what became of transaction ${xid}: ${status}`);
    }
    if (status === 'committed') {
      commits.set(xid, Number(at));
    }
  }
  return commits;
}

export function* consumedRecords(folder: string): Generator<ConsumedRecord> {
  for (const [topic, partition, offset] of journalLines<ConsumerLine>(folder, CONSUMER_JOURNAL)) {
    yield { topic, partition, offset };
  }
}

/** What the tables say. */
export async function tables(stage: Stage): Promise<Pick<History, 'settlements' | 'deadLetters' | 'pending'>> {
  const [settlements, deadLetters, pending] = await Promise.all([
    stage.query<Settlement>(
      'select id::text as id, done_by as by, lane_owner::text as "laneOwner" from chaos_settlement order by n',
    ),
    stage.query<DeadLetter>('select id::text as id, reason from event_outbox_dead_letter order by seq'),
    stage.query<{ id: string }>('select id::text as id from event_outbox where published_at is null'),
  ]);
  return { settlements, deadLetters, pending: pending.map(({ id }) => id) };
}
