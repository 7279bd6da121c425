import { AbstractLogger, type LogLevel, type LogMessage } from 'typeorm';
import { addOfKey, allSettled } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

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

  /** Transactions of the database so far. Each statement of a relay is one; a session tells of its own up to ten seconds late. */
  const transactions = async (): Promise<number> => {
    const [row] = await database.query<{ n: string }>(
      'select (xact_commit + xact_rollback)::text as n from pg_stat_database where datname = current_database()',
    );
    return Number(row!.n);
  };

  /** How much of it there is in a second. */
  const rate = async (number: () => number | Promise<number>): Promise<number> => {
    const before = await number();
    const began = performance.now();
    await eventually('the time to pass', () => performance.now() - began > SECONDS * 1000, { everyMs: 100 });
    const after = await number();
    return (after - before) / ((performance.now() - began) / 1000);
  };

  it('asks the database less than three times a second, by its own account', async () => {
    const statements = await rate(() => log.statements.length);
    expect(statements).toBeGreaterThan(0.3);
    expect(statements).toBeLessThan(3);
  });

  it("asks the database less than three times a second, by PostgreSQL's account", async () => {
    // What is told late is of the time before, when there was something to do.
    await eventually('a rate below that', async () => (await rate(transactions)) < 3);
  });

  it('leaves no transaction open', async () => {
    await eventually('none to be open', async () => {
      const rows = await database.query(
        `select from pg_stat_activity
         where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()`,
      );
      return rows.length === 0;
    });
  });
});
