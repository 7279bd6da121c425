import { OutboxUpkeep, type OutboxModuleOptions, type OutboxUpkeepResult } from 'nestjs-outboxed';
import { Client } from 'pg';
import { createDatabase, type TestDatabase } from '../support/database';
import { aRecord } from '../support/inbox-messages';
import { InboxSuite, startInboxApp } from '../support/inbox-suite';
import { queryLogger } from '../support/query-logger';

const deleted = (some: Partial<OutboxUpkeepResult> = {}): OutboxUpkeepResult => ({
  published: 0,
  deadLetters: 0,
  inbox: 0,
  inboxDeadLetters: 0,
  ...some,
});

/** Adds records of messages whose ids begin with `prefix`; each time is a number of days ago, or null. */
async function addRecords(
  database: TestDatabase,
  prefix: string,
  count: number,
  { processed = null, failed = null }: { processed?: number | null; failed?: number | null },
): Promise<void> {
  await database.query(
    `insert into event_inbox (consumer, message_id, replay_id, processed_at, attempts, failed_at)
     select 'shipping', $1 || n, '', now() - make_interval(secs => $3::float8 * 86400), case when $4::float8 is null then 0 else 1 end,
            now() - make_interval(secs => $4::float8 * 86400)
     from generate_series(1, $2) n`,
    [prefix, count, processed, failed],
  );
}

async function addDeadLetters(database: TestDatabase, prefix: string, count: number, daysAgo: number): Promise<void> {
  await database.query(
    `insert into event_inbox_dead_letter (consumer, message_id, replay_id, topic, topic_partition, topic_offset, headers, attempts, reason,
                                          died_at)
     select 'shipping', $1 || n, '', 'orders', 0, n, '{}', 10, 'no', now() - make_interval(secs => $3::float8 * 86400)
     from generate_series(1, $2) n`,
    [prefix, count, daysAgo],
  );
}

/** How many there are of each prefix. */
async function counts(database: TestDatabase, table = 'event_inbox'): Promise<Record<string, number>> {
  const rows = await database.query<{ prefix: string; n: number }>(
    `select rtrim(message_id, '0123456789') as prefix, count(*)::int as n from ${table} group by 1`,
  );
  return Object.fromEntries(rows.map(({ prefix, n }) => [prefix, n]));
}

describe('The upkeep of the inbox', () => {
  const statements: string[] = [];
  const suite = InboxSuite.declare({
    outbox: { relay: false, retention: { inboxDays: 10, deadLetterDays: 30 } },
    typeorm: { logger: queryLogger((query) => void statements.push(query)) },
  });
  const run = (): Promise<OutboxUpkeepResult> => suite.app.module.get(OutboxUpkeep).run();

  beforeEach(() => statements.splice(0));

  it('deletes what was handled longer ago than inboxDays, and nothing else', async () => {
    await addRecords(suite.database, 'old', 20, { processed: 10.01 });
    await addRecords(suite.database, 'old but failed lately', 3, { processed: 11, failed: 1 });
    await addRecords(suite.database, 'young', 20, { processed: 9.99 });
    await addRecords(suite.database, 'young but failed long ago', 3, { processed: 1, failed: 100 });
    await expect(run()).resolves.toEqual(deleted({ inbox: 23 }));
    expect(await counts(suite.database)).toEqual({ young: 20, 'young but failed long ago': 3 });
    await expect(run()).resolves.toEqual(deleted());
  });

  it('deletes what has failed and was not delivered again for as long', async () => {
    await addRecords(suite.database, 'abandoned', 5, { failed: 10.01 });
    await addRecords(suite.database, 'failing', 5, { failed: 9.99 });
    await expect(run()).resolves.toEqual(deleted({ inbox: 5 }));
    expect(await counts(suite.database)).toEqual({ failing: 5 });
  });

  it('lets a message that it has deleted be handled again, and one that it has not be skipped', async () => {
    await suite.deliver(aRecord({ id: 'old' }));
    await suite.deliver(aRecord({ id: 'young' }));
    await suite.database.query(
      `update event_inbox set processed_at = processed_at - interval '11 days' where message_id = 'old'`,
    );
    await expect(run()).resolves.toEqual(deleted({ inbox: 1 }));
    await expect(suite.deliver(aRecord({ id: 'old' }))).resolves.toEqual({ status: 'processed' });
    await expect(suite.deliver(aRecord({ id: 'young' }))).resolves.toEqual({ status: 'skipped' });
  });

  it('deletes at most a thousand of each kind in a statement', async () => {
    await addRecords(suite.database, 'old', 3500, { processed: 11 });
    await addRecords(suite.database, 'abandoned', 1200, { failed: 11 });
    await addRecords(suite.database, 'young', 500, { processed: 1 });
    await suite.database.query(
      `create table deletion (n int);
       create function count_deleted() returns trigger language plpgsql as
         $$ begin insert into deletion select count(*) from gone; return null; end $$;
       create trigger counting after delete on event_inbox referencing old table as gone
         for each statement execute function count_deleted()`,
    );
    await expect(run()).resolves.toEqual(deleted({ inbox: 4700 }));
    const pages = await suite.database.query<{ n: number }>('select n from deletion');
    await suite.database.query(
      'drop trigger counting on event_inbox; drop function count_deleted(); drop table deletion',
    );
    expect(pages.map(({ n }) => n).filter((n) => n > 0)).toEqual([2000, 1200, 1000, 500]);
    expect(await counts(suite.database)).toEqual({ young: 500 });
  });

  it('passes by a record that a delivery has locked, and deletes it later', async () => {
    await addRecords(suite.database, 'old', 3, { processed: 11 });
    const other = new Client({ connectionString: suite.database.url });
    await other.connect();
    await other.query('begin');
    await other.query(`select from event_inbox where message_id = 'old2' for update`);
    await expect(run()).resolves.toEqual(deleted({ inbox: 2 }));
    await other.query('rollback');
    await other.end();
    await expect(run()).resolves.toEqual(deleted({ inbox: 1 }));
  });

  it('finds the old by the index, however many are young', async () => {
    await addRecords(suite.database, 'young', 50_000, { processed: 1 });
    await addRecords(suite.database, 'old', 10, { processed: 11 });
    await suite.database.query('analyze event_inbox');
    await run();
    const statement = statements.find((text) => /delete from \S*event_inbox"? /.test(text));
    const plan = await suite.database.query<{ 'QUERY PLAN': string }>(`explain ${statement!}`, [
      'event_inbox',
      864_000,
      1000,
    ]);
    const scans = plan.map((line) => line['QUERY PLAN'].trim()).filter((line) => /Scan.* on .*event_inbox/.test(line));
    expect(scans.length).toBeGreaterThanOrEqual(3);
    expect(scans.filter((line) => line.includes('Seq Scan'))).toEqual([]);
  });

  it('deletes dead letters that were given up longer ago than deadLetterDays', async () => {
    await addDeadLetters(suite.database, 'old', 2500, 30.01);
    await addDeadLetters(suite.database, 'young', 5, 29.99);
    await expect(run()).resolves.toEqual(deleted({ inboxDeadLetters: 2500 }));
    expect(await counts(suite.database, 'event_inbox_dead_letter')).toEqual({ young: 5 });
  });
});

describe('The upkeep of an inbox without an option', () => {
  it.each<[string, OutboxModuleOptions]>([
    ['that writes only', { relay: false }],
    ['of which nothing is said but the events', { relay: false, retention: { publishedHours: 1 } }],
  ])('%s, keeps records for 14 days and dead letters for ever', async (_what, outbox) => {
    const database = await createDatabase();
    const app = await startInboxApp({ url: database.url, outbox });
    await addRecords(database, 'old', 3, { processed: 14.01 });
    await addRecords(database, 'young', 3, { processed: 13.99 });
    await addDeadLetters(database, 'old', 3, 3000);
    await expect(app.module.get(OutboxUpkeep).run()).resolves.toEqual(deleted({ inbox: 3 }));
    expect(await counts(database)).toEqual({ young: 3 });
    expect(await counts(database, 'event_inbox_dead_letter')).toEqual({ old: 3 });
    await app.close();
    await database.drop();
  });
});
