import { AbstractLogger, type LogLevel, type LogMessage } from 'typeorm';
import { addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

jest.setTimeout(60_000);

/** Keeps the statements that TypeORM is told of. */
class StatementLog extends AbstractLogger {
  readonly statements: string[] = [];

  constructor() {
    super(['query']);
  }

  protected writeLog(level: LogLevel, message: LogMessage | LogMessage[]): void {
    for (const one of Array.isArray(message) ? message : [message]) {
      if (one.type === 'query') {
        this.statements.push(String(one.message));
      }
    }
  }
}

const SECONDS = 5;

describe('A relay that has nothing to do', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  const log = new StatementLog();

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({
      url: database.url,
      outbox: { publisher: new RecordingPublisher(), pollIntervalSeconds: 1 },
      typeorm: { logger: log },
    });
    await addOfKey(app, 'a', 10);
    await allSettled(app);
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  /** Transactions of the database so far. Each statement of a relay is one; a session tells of its own with a delay of up to a second. */
  const transactions = async (): Promise<number> => {
    await database.query('select pg_stat_clear_snapshot()');
    const [row] = await database.query<{ n: string }>(
      'select (xact_commit + xact_rollback)::text as n from pg_stat_database where datname = current_database()',
    );
    return Number(row!.n);
  };

  it('asks the database less than three times a second', async () => {
    const before = { said: log.statements.length, done: await transactions() };
    const began = performance.now();
    await eventually('the time to pass', () => performance.now() - began > SECONDS * 1000, { everyMs: 100 });
    const said = log.statements.length - before.said;
    // Less those of the test; what is told late is there on both sides.
    const done = (await transactions()) - before.done - 3;
    const seconds = (performance.now() - began) / 1000;
    expect(said).toBeGreaterThan(1);
    expect(said / seconds).toBeLessThan(3);
    expect(done / seconds).toBeLessThan(3);
    const [row] = await database.query<{ open: number }>(
      `select count(*)::int as open from pg_stat_activity
       where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()`,
    );
    expect(row?.open).toBeLessThanOrEqual(1);
  });
});
