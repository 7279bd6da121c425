import { InProcessPublisher, OutboxUpkeep } from 'nestjs-outboxed';
import { Client } from 'pg';
import { endedAtLast } from '../support/cleanup';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { addPending, addPublished, seqsOf, UpkeepStatements } from './kept-rows';

const NOTHING = { published: 0, deadLetters: 0, inbox: 0, inboxDeadLetters: 0 };

describe('The upkeep', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let upkeep: OutboxUpkeep;
  let statements: UpkeepStatements;
  let other: Client;

  beforeAll(async () => {
    database = await createDatabase();
    statements = new UpkeepStatements();
    app = await startOutboxApp({ url: database.url, typeorm: { logger: statements, logging: ['query'] } });
    upkeep = app.module.get(OutboxUpkeep);
    other = new Client({ connectionString: database.url });
    await other.connect();
  });

  beforeEach(async () => {
    await other.query('rollback');
    await database.query('truncate event_outbox');
    statements.all.length = 0;
  });

  afterAll(async () => {
    await other?.end();
    await app?.close();
    await database?.drop();
  });

  it('of two processes at the same time deletes each row once', async () => {
    const second = await startOutboxApp({ url: database.url });
    await addPublished(database, 30_000);
    let deleted = 0;
    await eventually('everything to be deleted', async () => {
      const results = await Promise.all([upkeep.run(), second.module.get(OutboxUpkeep).run()]);
      deleted += results.reduce((sum, { published }) => sum + published, 0);
      return (await seqsOf(database)).length === 0;
    });
    expect(deleted).toBe(30_000);
    await second.close();
  });

  it('leaves the work to another process that is at it, and does not wait for it', async () => {
    await addPublished(database, 3);
    await upkeep.run();
    const [{ sql, parameters } = { sql: '', parameters: [] }] = statements.all;
    await addPublished(database, 3);
    await other.query('begin');
    await other.query(sql, [...parameters.slice(0, 2), '999999999', ...parameters.slice(3)]);
    await expect(upkeep.run()).resolves.toEqual(NOTHING);
    expect(await seqsOf(database)).toHaveLength(3);
    await other.query('rollback');
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 3 });
  });

  it('of two outboxes in one database goes on side by side', async () => {
    const prefixed = await startOutboxApp({ url: database.url, typeorm: { entityPrefix: 'app_' } });
    await addPublished(database, 1);
    await upkeep.run();
    const [{ sql, parameters } = { sql: '', parameters: [] }] = statements.all;
    await addPublished(database, 3, { table: 'app_event_outbox' });
    await other.query('begin');
    await other.query(sql, parameters);
    await expect(prefixed.module.get(OutboxUpkeep).run()).resolves.toEqual({ ...NOTHING, published: 3 });
    await prefixed.close();
  });

  it('passes by a row that somebody has locked, and deletes it later', async () => {
    const seqs = await addPublished(database, 3);
    await other.query('begin');
    await other.query('select from event_outbox where seq = $1 for update', [seqs[1]]);
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 2 });
    expect(await seqsOf(database)).toEqual([seqs[1]]);
    await other.query('rollback');
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 1 });
  });

  it('does not delete an event that an operator has made pending again in the meantime', async () => {
    const [seq] = await addPublished(database, 1);
    await other.query('begin');
    await other.query('update event_outbox set published_at = null where seq = $1', [seq]);
    await expect(upkeep.run()).resolves.toEqual(NOTHING);
    await other.query('commit');
    await expect(upkeep.run()).resolves.toEqual(NOTHING);
    expect(await seqsOf(database)).toEqual([seq]);
  });

  it('does not wait for a settling that is under way, nor that for it', async () => {
    const pending = await addPending(database, 50);
    await addPublished(database, 50);
    const settle = (client: Client, seqs: readonly number[]): Promise<unknown> =>
      client.query('update event_outbox set published_at = clock_timestamp() where seq = any ($1)', [seqs]);

    await other.query('begin');
    await settle(other, pending.slice(0, 25));
    await expect(upkeep.run()).resolves.toEqual({ ...NOTHING, published: 50 });
    await other.query('commit');

    // The same statement, kept open.
    await addPublished(database, 50);
    const [{ sql, parameters } = { sql: '', parameters: [] }] = statements.all;
    await other.query('begin');
    const { rows } = await other.query<{ deleted: string }>(sql, parameters);
    expect(rows[0]?.deleted).toBe('50');
    const relay = new Client({ connectionString: database.url, lock_timeout: 5000 });
    await relay.connect();
    await settle(relay, pending);
    await relay.end();
    await other.query('commit');
    expect(await seqsOf(database)).toEqual(pending);
  });

  it('runs by itself beside a relay, and ends promptly with the application', async () => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(0);
    await addPublished(database, 60_000);
    const relay = await startOutboxApp({ url: database.url, outbox: { publisher: new InProcessPublisher() } });
    const end = endedAtLast(() => relay.close());
    await eventually(
      'the first rows to be deleted',
      async () => {
        const [row] = await database.query<{ left: number }>('select count(*)::int as left from event_outbox');
        return row!.left < 60_000;
      },
      { everyMs: 1 },
    );
    await end();
    expect((await seqsOf(database)).length).toBeGreaterThan(0);
    expect(relay.logs.filter((line) => line.includes('upkeep'))).toEqual([]);
    random.mockRestore();
  });

  it('tells once that it fails, and does not stop for it', async () => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(0);
    await database.query('alter table event_outbox rename to event_outbox_away');
    const relay = await startOutboxApp({
      url: database.url,
      typeorm: { synchronize: false },
      outbox: { publisher: new InProcessPublisher() },
    });
    const told = (): string[] => relay.logs.filter((line) => line.includes('upkeep'));
    await eventually('the failure to be told', () => told().length === 1);
    await database.query('alter table event_outbox_away rename to event_outbox');
    await expect(relay.module.get(OutboxUpkeep).run()).resolves.toEqual(NOTHING);
    expect(told()).toEqual([expect.stringMatching(/^The upkeep of the outbox has failed: .*event_outbox/)]);
    random.mockRestore();
    await relay.close();
  });
});
