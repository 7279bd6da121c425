import type { QueryRunner } from 'typeorm';

/** The moments at which a subscriber's hook can fail, and the statements that the database can refuse. */
export type Moment =
  | 'before start'
  | 'before rollback'
  | 'START'
  | 'SAVEPOINT'
  | 'COMMIT'
  | 'RELEASE'
  | 'ROLLBACK'
  | 'after start'
  | 'after commit'
  | 'after rollback';

/** Short names of the statements that TypeORM writes itself. */
const SHORT: readonly [RegExp, string, Moment | undefined][] = [
  [/^START TRANSACTION$/, 'START', 'START'],
  [/^SET TRANSACTION ISOLATION LEVEL (.*)$/, 'SET $1', undefined],
  [/^SAVEPOINT typeorm_(\d+)$/, 'SAVEPOINT $1', 'SAVEPOINT'],
  [/^RELEASE SAVEPOINT typeorm_(\d+)$/, 'RELEASE $1', 'RELEASE'],
  [/^ROLLBACK TO SAVEPOINT typeorm_(\d+)$/, 'ROLLBACK TO $1', 'ROLLBACK'],
  [/^ROLLBACK$/, 'ROLLBACK', 'ROLLBACK'],
  [/^COMMIT$/, 'COMMIT', 'COMMIT'],
];

/** Keeps the books of a transaction as TypeORM's PostgresQueryRunner does, without a database. */
export class FakeRunner {
  isTransactionActive = false;
  isReleased = false;
  manager: unknown = undefined;
  readonly data = {};
  /** What reached the database, TypeORM's own statements in short. */
  readonly statements: string[] = [];
  /** What is to fail, once. */
  readonly failing = new Set<Moment>();
  /** What a statement that begins with this text answers, once: an error, or its rows. */
  readonly answers = new Map<string, unknown>();
  /** Whether a failed statement has aborted the transaction: PostgreSQL then answers COMMIT with ROLLBACK. */
  aborted = false;
  transactionDepth = 0;
  readonly broadcaster: {
    broadcast: (...event: unknown[]) => Promise<void>;
    broadcastAfterQueryEvent: (...event: unknown[]) => void;
  } = {
    broadcast: () => Promise.resolve(),
    broadcastAfterQueryEvent: () => undefined,
  };

  constructor(readonly connection?: unknown) {}

  /** As TypeORM's: the pool closes the connection, and the runner is released. */
  releasePostgresConnection(): Promise<void> {
    this.isReleased = true;
    return Promise.resolve();
  }

  async startTransaction(isolationLevel?: string): Promise<void> {
    this.isTransactionActive = true;
    try {
      this.mayFail('before start');
    } catch (error) {
      this.isTransactionActive = false;
      throw error;
    }
    if (this.transactionDepth === 0) {
      await this.query('START TRANSACTION');
      if (isolationLevel !== undefined) {
        await this.query(`SET TRANSACTION ISOLATION LEVEL ${isolationLevel}`);
      }
    } else {
      await this.query(`SAVEPOINT typeorm_${this.transactionDepth}`);
    }
    this.transactionDepth += 1;
    this.mayFail('after start');
  }

  async commitTransaction(): Promise<void> {
    this.assertActive();
    if (this.transactionDepth > 1) {
      await this.query(`RELEASE SAVEPOINT typeorm_${this.transactionDepth - 1}`);
    } else {
      await this.query('COMMIT');
      this.isTransactionActive = false;
    }
    this.transactionDepth -= 1;
    this.mayFail('after commit');
  }

  async rollbackTransaction(): Promise<void> {
    this.assertActive();
    this.mayFail('before rollback');
    if (this.transactionDepth > 1) {
      await this.query(`ROLLBACK TO SAVEPOINT typeorm_${this.transactionDepth - 1}`);
    } else {
      await this.query('ROLLBACK');
      this.isTransactionActive = false;
    }
    this.transactionDepth -= 1;
    this.mayFail('after rollback');
  }

  release(): Promise<void> {
    this.isReleased = true;
    return Promise.resolve();
  }

  async query(statement: string, parameters: unknown[] = []): Promise<unknown> {
    if (this.isReleased) {
      throw new Error('the runner is released');
    }
    await Promise.resolve();
    const [pattern, short, moment] = SHORT.find(([each]) => each.test(statement)) ?? [statement, statement];
    if (moment !== undefined) {
      this.mayFail(moment);
    }
    this.statements.push(statement.replace(pattern, short));
    const answer = this.answer(statement);
    const command = statement === 'COMMIT' && this.aborted ? 'ROLLBACK' : statement.split(' ')[0];
    this.broadcaster.broadcastAfterQueryEvent({}, statement, parameters, true, 0, { command }, undefined);
    return answer;
  }

  /** Gives what is used of node-postgres' client. */
  connect(): Promise<{ query: (statement: { text: string }) => Promise<unknown> }> {
    return Promise.resolve({ query: ({ text }) => FakeRunner.prototype.query.call(this, text) });
  }

  /** The fake in the place of a real one. */
  get asRunner(): QueryRunner {
    return this as unknown as QueryRunner;
  }

  private answer(statement: string): unknown {
    for (const [beginning, answer] of this.answers) {
      if (statement.startsWith(beginning)) {
        this.answers.delete(beginning);
        if (answer instanceof Error) {
          throw answer;
        }
        return answer;
      }
    }
    return [this, statement];
  }

  private mayFail(moment: Moment): void {
    if (this.failing.delete(moment)) {
      throw new Error(`${moment} failed`);
    }
  }

  private assertActive(): void {
    if (!this.isTransactionActive) {
      throw new Error('no transaction is active');
    }
  }
}
