import type { QueryRunner } from 'typeorm';

/** The moments at which a subscriber's hook can fail, and the statements that the database can refuse. */
export type Moment =
  'START' | 'SAVEPOINT' | 'COMMIT' | 'RELEASE' | 'ROLLBACK' | 'after start' | 'after commit' | 'after rollback';

/** Keeps the books of a transaction as TypeORM's PostgresQueryRunner does, without a database. */
export class FakeRunner {
  isTransactionActive = false;
  isReleased = false;
  manager: unknown = undefined;
  readonly data = {};
  /** What reached the database. */
  readonly statements: string[] = [];
  /** What is to fail, once. */
  readonly failing = new Set<Moment>();
  transactionDepth = 0;

  async startTransaction(isolationLevel?: string): Promise<void> {
    this.isTransactionActive = true;
    if (this.transactionDepth === 0) {
      await this.run(isolationLevel === undefined ? 'START' : `START ${isolationLevel}`, 'START');
    } else {
      await this.run(`SAVEPOINT ${this.transactionDepth}`, 'SAVEPOINT');
    }
    this.transactionDepth += 1;
    this.mayFail('after start');
  }

  async commitTransaction(): Promise<void> {
    this.assertActive();
    if (this.transactionDepth > 1) {
      await this.run(`RELEASE ${this.transactionDepth - 1}`, 'RELEASE');
    } else {
      await this.run('COMMIT', 'COMMIT');
      this.isTransactionActive = false;
    }
    this.transactionDepth -= 1;
    this.mayFail('after commit');
  }

  async rollbackTransaction(): Promise<void> {
    this.assertActive();
    if (this.transactionDepth > 1) {
      await this.run(`ROLLBACK TO ${this.transactionDepth - 1}`, 'ROLLBACK');
    } else {
      await this.run('ROLLBACK', 'ROLLBACK');
      this.isTransactionActive = false;
    }
    this.transactionDepth -= 1;
    this.mayFail('after rollback');
  }

  release(): Promise<void> {
    this.isReleased = true;
    return Promise.resolve();
  }

  query(statement: string): Promise<unknown> {
    if (this.isReleased) {
      return Promise.reject(new Error('the runner is released'));
    }
    this.statements.push(statement);
    return Promise.resolve([this, statement]);
  }

  /** The fake in the place of a real one. */
  get asRunner(): QueryRunner {
    return this as unknown as QueryRunner;
  }

  private async run(statement: string, moment: Moment): Promise<void> {
    await Promise.resolve();
    this.mayFail(moment);
    this.statements.push(statement);
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
