import type { ConsumedRecord, DeadLetter, Effect, History, Settlement, WrittenTransaction } from '../checker/history';
import type { Stage } from '../stage/stage';
import { journalLines } from './journal';
import { CONSUMER_JOURNAL, WRITER_JOURNAL, type ConsumerLine, type WriterLine } from './journal-lines';

type Noted = { -readonly [Field in keyof WrittenTransaction]: WrittenTransaction[Field] };

/** What the writers meant, with the outcome that PostgreSQL knows. */
export async function writtenTransactions(stage: Stage, folder: string): Promise<WrittenTransaction[]> {
  const noted = new Map<string, Noted>();
  for (const line of journalLines<WriterLine>(folder, WRITER_JOURNAL)) {
    if ('begun' in line) {
      const { begun: name, events } = line;
      noted.set(name, { name, events: [], undone: events, committedAt: null, told: undefined });
    } else {
      const transaction = noted.get('committing' in line ? line.committing : line.told);
      if (transaction === undefined) {
        continue; // it could not even begin
      }
      if ('committing' in line) {
        transaction.events = line.events;
        transaction.undone = line.undone;
      } else {
        transaction.told = line.outcome;
      }
    }
  }
  for (const { name, status, at } of await witnessed(stage)) {
    const transaction = noted.get(name);
    if (transaction === undefined || status !== 'committed' || at === null) {
      throw new Error(`The witness has seen ${name} commit, of which PostgreSQL says "${status}"`);
    }
    transaction.committedAt = Number(at);
  }
  return [...noted.values()];
}

/** The transactions that have left their row, and when they committed, in microseconds. */
function witnessed(stage: Stage): Promise<{ name: string; status: string; at: string | null }[]> {
  return stage.query(
    `select name, pg_xact_status(xid) as status,
            (extract(epoch from pg_xact_commit_timestamp(xid::xid)) * 1000000)::bigint::text as at
     from chaos_transaction`,
  );
}

export function* consumedRecords(folder: string): Generator<ConsumedRecord> {
  for (const [topic, partition, offset] of journalLines<ConsumerLine>(folder, CONSUMER_JOURNAL)) {
    yield { topic, partition, offset };
  }
}

/** What the tables say. */
export async function tables(
  stage: Stage,
): Promise<Pick<History, 'effects' | 'settlements' | 'deadLetters' | 'pending'>> {
  const [effects, settlements, deadLetters, pending] = await Promise.all([
    stage.query<Effect>('select event_id::text as id, done_by as by from chaos_effect order by n'),
    stage.query<Settlement>(
      'select id::text as id, done_by as by, lane_owner::text as "laneOwner" from chaos_settlement order by n',
    ),
    stage.query<DeadLetter>('select id::text as id, reason from event_outbox_dead_letter order by seq'),
    stage.query<{ id: string }>('select id::text as id from event_outbox where published_at is null'),
  ]);
  return { effects, settlements, deadLetters, pending: pending.map(({ id }) => id) };
}
