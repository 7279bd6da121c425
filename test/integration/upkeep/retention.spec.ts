import { OutboxUpkeep } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { addDeadLetters, addPending, addPublished, seqsOf, UpkeepStatements } from './kept-rows';

const NOTHING = { published: 0, deadLetters: 0, inbox: 0, inboxDeadLetters: 0 };

describe('The upkeep', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let upkeep: OutboxUpkeep;
  let statements: UpkeepStatements;

  beforeAll(async () => {
    database = await createDatabase();
    statements = new UpkeepStatements();
    app = await startOutboxApp({
      url: database.url,
      outbox: { relay: false, retention: { publishedHours: 24, deadLetterDays: 30 } },
      typeorm: { logger: statements, logging: ['query'] },
    });
    upkeep = app.module.get(OutboxUpkeep);
  });

  beforeEach(async () => {
    await database.query('truncate event_outbox, event_outbox_dead_letter');
    statements.all.length = 0;
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  it('deletes delivered events that have been kept long enough, and no others', async () => {
    const waiting = await addPending(database, 2);
    await addPublished(database, 5000);
    const young = await addPublished(database, 100, { hoursAgo: 23 });
    const fresh = await addPending(database, 3, { hoursAgo: 0 });
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 5000 });
    expect(await seqsOf(database)).toEqual([...waiting, ...young, ...fresh]);
    await expect(upkeep.run()).resolves.toEqual(NOTHING);
  });

  it('goes by the time of delivery, and by the clock of the database', async () => {
    const seqs = await addPublished(database, 4, { hoursAgo: 100 });
    await database.query(
      `update event_outbox set published_at = clock_timestamp() - interval '24 hours' + interval '1 minute' where seq = $1`,
      [seqs[1]],
    );
    await database.query(
      `update event_outbox set published_at = clock_timestamp() - interval '24 hours' - interval '1 second' where seq = $1`,
      [seqs[2]],
    );
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2099, 0));
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 3 });
    now.mockRestore();
    expect(await seqsOf(database)).toEqual([seqs[1]]);
  });

  it('walks over events that wait at the low end, however many, and does not touch them', async () => {
    const parked = await addPending(database, 4500);
    await database.query(
      `update event_outbox set attempts = 1, retry_at = clock_timestamp() + interval '1 hour', last_error = 'no' where seq % 2 = 0`,
    );
    await addPublished(database, 10);
    const before = await database.query<object>('select seq, xmin::text, xmax::text from event_outbox order by seq');
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 10 });
    expect(await seqsOf(database)).toEqual(parked);
    // Neither changed nor locked.
    expect(await database.query<object>('select seq, xmin::text, xmax::text from event_outbox order by seq')).toEqual(
      before.slice(0, parked.length),
    );
  });

  it('finds what is old behind pages of events that were added long ago and delivered just now', async () => {
    const late = await addPublished(database, 4100);
    await database.query('update event_outbox set published_at = clock_timestamp()');
    await addPublished(database, 10);
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 10 });
    expect(await seqsOf(database)).toEqual(late);
  });

  it('does not look beyond the first page whose events were all added too late', async () => {
    await addPublished(database, 1000);
    const young = await addPublished(database, 9000, { hoursAgo: 1 });
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 1000 });
    expect(await seqsOf(database)).toEqual(young);
    expect(statements.all.filter(({ sql }) => sql.includes('from "event_outbox" e'))).toHaveLength(2);
  });

  it('deletes dead letters that have been kept long enough, but never one that holds its key', async () => {
    await addDeadLetters(database, [1, 2, 3], { daysAgo: 31 });
    await addDeadLetters(database, [4, 5], { daysAgo: 29 });
    await addDeadLetters(database, [6, 7], { daysAgo: 1000, holdsKey: true });
    await addDeadLetters(database, [8], { daysAgo: 1000 });
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, deadLetters: 4 });
    expect(await seqsOf(database, 'event_outbox_dead_letter')).toEqual([4, 5, 6, 7]);
  });

  it('takes no part in the transaction of whoever calls it', async () => {
    await addPublished(database, 3);
    const calling = app.dataSource.transaction(async () => {
      await upkeep.run();
      throw new Error('rolled back by the test');
    });
    await expect(calling).rejects.toThrow('rolled back by the test');
    expect(await seqsOf(database)).toEqual([]);
  });

  it('walks the primary key', async () => {
    await addPublished(database, 20_000);
    await addPending(database, 20_000);
    await addDeadLetters(
      database,
      Array.from({ length: 20_000 }, (_, n) => n + 1),
      { daysAgo: 1 },
    );
    await database.query('analyze event_outbox, event_outbox_dead_letter');
    const keys = await database.query<{ name: string }>(
      `select conname as name from pg_constraint
       where contype = 'p' and conrelid in ('event_outbox'::regclass, 'event_outbox_dead_letter'::regclass)`,
    );
    await upkeep.run();
    const kinds = [
      statements.all.find(({ sql }) => !sql.includes('dead_letter')),
      statements.all.find(({ sql }) => sql.includes('dead_letter')),
    ];
    for (const statement of kinds) {
      const plan = await database.query<{ 'QUERY PLAN': string }>(`explain ${statement!.sql}`, statement!.parameters);
      const lines = plan.map((line) => line['QUERY PLAN'].trim());
      const scans = lines.filter((line) => /Scan .*event_outbox/.test(line));
      expect(scans.length).toBe(3);
      expect(scans.filter((line) => !keys.some(({ name }) => line.includes(`using "${name}"`)))).toEqual([]);
      expect(lines.filter((line) => line.startsWith('Sort'))).toEqual([]);
    }
  });
});

describe('The upkeep of an outbox that deletes events when they are delivered', () => {
  it('deletes those that were kept under an earlier setting, and no dead letter unless told to', async () => {
    const database = await createDatabase();
    const app = await startOutboxApp({
      url: database.url,
      outbox: { relay: false, retention: { publishedHours: 0 } },
    });
    await addPublished(database, 3000, { hoursAgo: 0 });
    await addPublished(database, 3);
    const pending = await addPending(database, 2);
    await addDeadLetters(database, [1], { daysAgo: 1000 });
    const run = app.module.get(OutboxUpkeep).run();
    await expect(run).resolves.toEqual({ ...NOTHING, published: 3003 });
    expect(await seqsOf(database)).toEqual(pending);
    expect(await seqsOf(database, 'event_outbox_dead_letter')).toEqual([1]);
    await app.close();
    await database.drop();
  });
});

describe.each([
  ['a schema that needs quotes', { schema: 'My Shop' }, '"My Shop".event_outbox'],
  ['an entityPrefix', { entityPrefix: 'app_' }, 'app_event_outbox'],
])('With %s', (_what, typeorm, table) => {
  it('the upkeep finds its tables', async () => {
    const database = await createDatabase();
    await database.query('create schema "My Shop"');
    const retention = { publishedHours: 24, deadLetterDays: 1 };
    const app = await startOutboxApp({ url: database.url, outbox: { relay: false, retention }, typeorm });
    await addPublished(database, 3, { table });
    const young = await addPublished(database, 2, { table, hoursAgo: 1 });
    await expect(app.module.get(OutboxUpkeep).run()).resolves.toEqual({ ...NOTHING, published: 3 });
    expect(await seqsOf(database, table)).toEqual(young);
    await app.close();
    await database.drop();
  });
});
