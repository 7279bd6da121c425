import { OutboxTransactionAbortedError } from 'nestjs-outboxed';
import { both, TransactionSuite } from '../support/transaction-suite';

describe('A transaction whose failed statement was swallowed', () => {
  const suite = TransactionSuite.declare();
  const hooks = { committed: jest.fn(), rolledBack: jest.fn() };
  beforeEach(() => {
    hooks.committed.mockReset();
    hooks.rolledBack.mockReset();
  });

  /** Writes, has a statement fail, and goes on as if nothing had happened. */
  async function swallow(id: string): Promise<string> {
    suite.app.transactions.afterCommit(hooks.committed);
    suite.app.transactions.afterRollback(hooks.rolledBack);
    await suite.write(id);
    await suite.app.dataSource.query('select 1 / 0').catch(() => undefined);
    return 'looks fine';
  }

  const expectRolledBack = async (id: string): Promise<void> => {
    expect(await suite.stored(id)).toEqual(both());
    expect(hooks.committed).not.toHaveBeenCalled();
    expect(hooks.rolledBack).toHaveBeenCalledTimes(1);
  };

  it.each<[string, (work: () => Promise<string>) => Promise<unknown>]>([
    ['transactions.run', (work) => suite.app.transactions.run(work)],
    ['dataSource.transaction', (work) => suite.app.dataSource.transaction(work)],
    ['dataSource.transaction with a level', (work) => suite.app.dataSource.transaction('SERIALIZABLE', work)],
    ['one that joins', (work) => suite.app.dataSource.transaction(() => suite.app.transactions.run(work))],
    [
      'REQUIRES_NEW',
      (work) => suite.app.transactions.run(() => suite.app.transactions.run(work, { propagation: 'REQUIRES_NEW' })),
    ],
  ])('is reported as rolled back, not as committed: %s', async (what, open) => {
    const id = `aborted-${what}`;
    const error: unknown = await open(() => swallow(id)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OutboxTransactionAbortedError);
    expect(error).toMatchObject({ message: expect.stringContaining('rolled back, not committed') as unknown });
    await expectRolledBack(id);
  });

  it('is reported by commitTransaction of a runner that was made by hand, and can then be rolled back', async () => {
    const queryRunner = suite.app.dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    await suite.app.transactions.bind({ queryRunner }, () => swallow('aborted-by-hand'));
    await expect(queryRunner.commitTransaction()).rejects.toBeInstanceOf(OutboxTransactionAbortedError);
    await queryRunner.rollbackTransaction();
    await queryRunner.startTransaction();
    await suite.app.transactions.bind({ queryRunner }, () => suite.write('aborted-then-fine'));
    await queryRunner.commitTransaction();
    await queryRunner.release();
    await expectRolledBack('aborted-by-hand');
    expect(await suite.stored('aborted-then-fine')).toEqual(both('aborted-then-fine'));
  });

  it('commits where that statement was in a savepoint', async () => {
    await suite.app.transactions.run(async () => {
      await suite.write('mended-1');
      await suite.app.transactions
        .run(() => suite.app.dataSource.query('select 1 / 0'), { propagation: 'NESTED' })
        .catch(() => undefined);
      await suite.write('mended-2');
    });
    expect(await suite.stored('mended')).toEqual(both('mended-1', 'mended-2'));
  });

  it('gives the error of a savepoint that cannot be released, where the statement was inside it', async () => {
    await suite.app.transactions.run(async () => {
      await suite.write('release-1');
      await expect(
        suite.app.transactions.run(() => swallow('release-2'), { propagation: 'NESTED' }),
      ).rejects.toMatchObject({ driverError: { code: '25P02' } });
      await suite.write('release-3');
    });
    expect(await suite.stored('release')).toEqual(both('release-1', 'release-3'));
    expect(hooks.committed).not.toHaveBeenCalled();
    expect(hooks.rolledBack).toHaveBeenCalledTimes(1);
  });

  it('leaves the connection as it was', async () => {
    await Promise.all(
      Array.from({ length: 12 }, (_, n) => suite.app.dataSource.transaction(() => suite.write(`after-${String(n)}`))),
    );
    expect((await suite.stored('after')).events).toHaveLength(12);
  });
});

describe('A COMMIT that fails', () => {
  const suite = TransactionSuite.declare();

  it('is reported as it is, and nothing of it stays', async () => {
    await suite.database.query(
      'create table child (id text primary key references item (id) deferrable initially deferred)',
    );
    const [committed, rolledBack] = [jest.fn(), jest.fn()];
    const transaction = suite.app.dataSource.transaction(async () => {
      suite.app.transactions.afterCommit(committed);
      suite.app.transactions.afterRollback(rolledBack);
      await suite.write('deferred');
      await suite.app.dataSource.query(`insert into child (id) values ('no such item')`);
    });
    await expect(transaction).rejects.toMatchObject({ driverError: { code: '23503' } });
    expect(await suite.stored('deferred')).toEqual(both());
    expect([committed.mock.calls.length, rolledBack.mock.calls.length]).toEqual([0, 1]);
  });

  it('is reported where its connection is lost; no hook claims to know what became of it, and the next transaction has another connection', async () => {
    const rolledBack = jest.fn();
    const transaction = suite.app.dataSource.transaction(async () => {
      suite.app.transactions.afterRollback(rolledBack);
      await suite.write('lost');
      const [{ pid }] = await suite.app.dataSource.query<[{ pid: number }]>('select pg_backend_pid() as pid');
      await suite.database.query('select pg_terminate_backend($1, 5000)', [pid]);
    });
    await expect(transaction).rejects.toThrow();
    expect(rolledBack).not.toHaveBeenCalled();
    expect(await suite.stored('lost')).toEqual(both());
    await suite.app.dataSource.transaction(() => suite.write('found'));
    expect(await suite.stored('found')).toEqual(both('found'));
  });
});
