import type { DataSource, QueryRunner } from 'typeorm';
import { connectWithinLimit, cut, type PgSocket } from '../store/connect-within-limit';
import { withTimeLimit } from '../time/time-limit';

/** Longest that a statement may take: the connection may have fallen silent without an end. */
const LIMIT_MS = 5000;
const LONGEST_CLOSE_MS = 1000;

/** What is used of node-postgres' client. */
interface PgClient extends PgSocket {
  on(event: 'notification', listener: (message: { payload?: string }) => void): void;
  on(event: 'error', listener: () => void): void;
  once(event: 'end', listener: () => void): void;
  removeListener(event: string, listener: (...args: never[]) => void): void;
}

/** TypeORM's runner for PostgreSQL; with an error, the pool closes the connection. */
interface PostgresRunner {
  releasePostgresConnection(error: unknown): Promise<void>;
}

/** A connection that was taken out of the pool for long: for what belongs to a session, as listening and session locks do. */
export class ListenConnection {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Whether it has. */
  hasEnded = false;

  static async open(dataSource: DataSource, onMessage: (payload: string) => void): Promise<ListenConnection> {
    const runner = dataSource.createQueryRunner();
    return new ListenConnection(runner, await connectWithinLimit<PgClient>(dataSource, runner), onMessage);
  }

  private constructor(
    private readonly runner: QueryRunner,
    private readonly client: PgClient,
    onMessage: (payload: string) => void,
  ) {
    const receive = ({ payload }: { payload?: string }): void => {
      onMessage(payload ?? '');
    };
    // Every error is followed by the end. Without a listener it would end the process.
    const ignore = (): void => undefined;
    client.on('notification', receive);
    client.on('error', ignore);
    this.ended = new Promise((resolve) => {
      client.once('end', () => {
        client.removeListener('notification', receive);
        client.removeListener('error', ignore);
        this.hasEnded = true;
        resolve();
      });
    });
  }

  /** Runs a statement, and ends the connection if it takes too long. */
  async run<T>(statement: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const limit = setTimeout(() => cut(this.client), LIMIT_MS);
    try {
      return await statement(this.runner);
    } finally {
      clearTimeout(limit);
    }
  }

  /** Ends the connection, and with it what belongs to its session: it does not go back to the pool. */
  async close(): Promise<void> {
    await (this.runner as unknown as PostgresRunner).releasePostgresConnection(new Error('its session is over'));
    await withTimeLimit(LONGEST_CLOSE_MS, this.ended, () => cut(this.client));
  }
}
