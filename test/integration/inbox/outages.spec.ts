import { aRecord } from '../support/inbox-messages';
import { InboxSuite, nothing, once, startInboxApp, CONSUMER, leftIn, shipIn } from '../support/inbox-suite';
import { closeConnections, closeDatabase } from '../support/closed-database';
import { proxyThatCutsCommits } from '../support/commit-proxy';
import { createDatabase, reconnecting } from '../support/database';
import { proxyTo } from '../support/silent-proxy';
import { Inbox } from 'nestjs-outboxed';

describe('A message whose handler loses the database', () => {
  const suite = InboxSuite.declare();
  const record = aRecord({ id: 'a' });
  const options = { maxAttempts: 1 };

  it('is not charged with an attempt while that is away, and is handled when it is back', async () => {
    for (let n = 1; n <= 2; n++) {
      let open = (): Promise<void> => Promise.resolve();
      const delivering = suite.deliver(
        record,
        async () => {
          await suite.ship('a');
          open = await closeDatabase(suite.database);
          await suite.ship('a');
        },
        options,
      );
      await expect(delivering).rejects.toThrow();
      expect(suite.logs.filter((line) => line.includes('could not be counted'))).toHaveLength(n);
      await expect(suite.deliver(record, () => suite.ship('a'), options)).rejects.toThrow();
      await open();
      expect(await suite.left()).toEqual(nothing);
      expect(await suite.records()).toEqual([]);
    }
    await expect(suite.deliver(record, () => suite.ship('a'), options)).resolves.toEqual({ status: 'processed' });
    expect(await suite.left()).toEqual(once('a'));
  });

  it('and finds it again at once is charged, as the handler itself may be what it cannot bear', async () => {
    const delivering = suite.deliver(record, async () => {
      await suite.ship('a');
      await closeConnections(suite.database);
      await suite.ship('a');
    });
    await expect(delivering).rejects.toThrow();
    expect(await suite.left()).toEqual(nothing);
    expect(await suite.records()).toMatchObject([{ handled: false, attempts: 1 }]);
    await expect(suite.deliver(record)).resolves.toEqual({ status: 'processed' });
    expect(await suite.left()).toEqual(once('a'));
  });
});

describe('A message that has failed, where that cannot be counted as the database does not answer', () => {
  const suite = InboxSuite.declare();
  const record = aRecord({ id: 'a' });

  it('holds its consumer up for a limited time only, and is delivered again', async () => {
    let locking: Promise<unknown> = Promise.resolve();
    const delivering = suite.deliver(record, async () => {
      // Gets the lock when the handler's transaction has ended, before anything is counted.
      const sql = 'begin; lock table event_inbox in access exclusive mode; select pg_sleep(600)';
      locking = Promise.allSettled([reconnecting(suite.database.url).query(sql)]);
      await suite.waiting();
      throw new Error('no stock');
    });
    await expect(delivering).rejects.toThrow('no stock');
    expect(suite.logs.filter((line) => line.includes('could not be counted'))).toHaveLength(1);
    await suite.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock table event_inbox%'`,
    );
    await locking;
    await expect(suite.deliver(record)).resolves.toEqual({ status: 'processed' });
    expect(await suite.left()).toEqual(once('a'));
  });
});

describe('A message whose connection falls silent', () => {
  it('fails where statements have a limit, and is handled on another connection', async () => {
    const database = await createDatabase();
    const proxy = await proxyTo(database.url);
    const app = await startInboxApp({ url: proxy.url, typeorm: { extra: { query_timeout: 2000 } } });
    const inbox = app.module.get(Inbox);
    const record = aRecord({ id: 'a' });
    const ship = (): Promise<void> => shipIn(app, 'a');
    const shipInSilence = (): Promise<void> => {
      proxy.silence();
      return ship();
    };
    await expect(inbox.process(record, shipInSilence, { consumer: CONSUMER })).rejects.toThrow('timeout');
    expect(await leftIn(database)).toEqual(nothing);
    await expect(inbox.process(record, ship, { consumer: CONSUMER })).resolves.toEqual({ status: 'processed' });
    expect(await leftIn(database)).toEqual(once('a'));
    await app.close();
    await database.drop();
  });
});

describe('A message whose COMMIT fails', () => {
  const suite = InboxSuite.declare();
  const record = aRecord({ id: 'a' });

  beforeAll(() =>
    suite.database.query(`
      create table allowed (id text primary key);
      alter table effect add constraint allowed foreign key (event_id) references allowed deferrable initially deferred`),
  );
  beforeEach(() => suite.database.query('truncate effect, allowed'));

  it('is not handled, is charged with an attempt, and is a dead letter in the end', async () => {
    const options = { maxAttempts: 2 };
    await expect(suite.deliver(record, () => suite.ship('a'), options)).rejects.toThrow('violates foreign key');
    expect(await suite.left()).toEqual(nothing);
    expect(await suite.records()).toMatchObject([{ handled: false, attempts: 1 }]);
    await expect(suite.deliver(record, () => suite.ship('a'), options)).resolves.toMatchObject({ status: 'dead' });
    expect(await suite.left()).toEqual({ ...nothing, handled: ['a'] });
  });

  it('is handled when what it refers to is there', async () => {
    await expect(suite.deliver(record)).rejects.toThrow('violates foreign key');
    await suite.database.query(`insert into allowed values ('a')`);
    await expect(suite.deliver(record)).resolves.toEqual({ status: 'processed' });
    expect(await suite.left()).toEqual(once('a'));
  });
});

describe('A message whose COMMIT succeeds, and its answer is lost', () => {
  it('counts as handled: it is neither charged with an attempt nor handled again', async () => {
    const database = await createDatabase();
    const { url, cutNextCommit } = await proxyThatCutsCommits(database.url);
    const app = await startInboxApp({ url });
    const inbox = app.module.get(Inbox);
    const record = aRecord({ id: 'a' });
    const ship = async (): Promise<void> => {
      await shipIn(app, 'a');
      cutNextCommit();
    };
    const options = { consumer: CONSUMER, maxAttempts: 1 };
    await expect(inbox.process(record, ship, options)).resolves.toEqual({ status: 'skipped' });
    expect(await leftIn(database)).toEqual(once('a'));
    await expect(inbox.process(record, ship, options)).resolves.toEqual({ status: 'skipped' });
    expect(await leftIn(database)).toEqual(once('a'));
    expect(await database.query('select attempts::int from event_inbox')).toEqual([{ attempts: 0 }]);
    expect(await database.query('select from event_inbox_dead_letter')).toEqual([]);
    await app.close();
    await database.drop();
  });
});
