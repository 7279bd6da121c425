import { QueryFailedError } from 'typeorm';
import { OutboxTransactionAbortedError } from '../../../../lib/errors/transaction.errors';
import { watchStatements } from '../../../../lib/transaction/statement-watch';
import { FakeRunner } from '../support/fake-runner';
import { thrown } from '../support/thrown';

function watched(holdsKeys = false): { fake: FakeRunner; before: jest.Mock; ending: jest.Mock } {
  const fake = new FakeRunner();
  const [before, ending] = [jest.fn<undefined, []>(), jest.fn<undefined, []>()];
  watchStatements(fake.asRunner, {
    assertMayRun: before,
    ending,
    uncertain: () => undefined,
    holdsKeys: () => holdsKeys,
  });
  return { fake, before, ending };
}

const failure = (code: string, message: string): QueryFailedError =>
  new QueryFailedError('update item', [], Object.assign(new Error(message), { code }));

describe('a watched statement', () => {
  it('is announced, and gives what it gives', async () => {
    const { fake, before, ending } = watched();
    fake.answers.set('select', [{ a: 1 }]);
    await expect(fake.query('select 1', [])).resolves.toEqual([{ a: 1 }]);
    expect([before.mock.calls.length, ending.mock.calls.length]).toEqual([1, 0]);
  });

  it('is run with all its arguments', async () => {
    const fake = new FakeRunner();
    const query = jest.fn().mockResolvedValue([]);
    fake.query = query;
    watchStatements(fake.asRunner, {
      assertMayRun: jest.fn(),
      ending: jest.fn(),
      uncertain: () => undefined,
      holdsKeys: () => false,
    });
    await fake.asRunner.query('select $1', [7], true);
    expect(query.mock.calls).toEqual([['select $1', [7], true]]);
  });

  it('is not run where it is refused', async () => {
    const { fake, before } = watched();
    before.mockImplementation(() => {
      throw new Error('too late');
    });
    await expect(fake.query('insert')).rejects.toThrow('too late');
    expect(fake.statements).toEqual([]);
  });

  it.each([
    'START TRANSACTION',
    'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    'SAVEPOINT typeorm_1',
    'ROLLBACK TO SAVEPOINT typeorm_1',
    'ROLLBACK',
  ])("is not announced where it is TypeORM's own: %s", async (sql) => {
    const { fake, before, ending } = watched();
    await fake.query(sql);
    expect([before.mock.calls.length, ending.mock.calls.length]).toEqual([0, 0]);
  });

  it.each(['COMMIT', 'RELEASE SAVEPOINT typeorm_2'])(
    'that ends the innermost frame is announced as that: %s',
    async (sql) => {
      const { fake, before, ending } = watched();
      await fake.query(sql);
      expect([before.mock.calls.length, ending.mock.calls.length]).toEqual([0, 1]);
    },
  );
});

describe('a watched COMMIT', () => {
  it('that the database carries out is one', async () => {
    const { fake } = watched();
    await expect(fake.query('COMMIT')).resolves.toBeDefined();
  });

  it('that the database turns into a rollback fails', async () => {
    const { fake } = watched();
    fake.aborted = true;
    const error = await thrown(OutboxTransactionAbortedError, () => fake.query('COMMIT'));
    expect(error.message).toContain('The transaction was rolled back, not committed');
    expect(error.message).toContain('Let the error out; or run the statement that may fail in a savepoint');
  });

  it('is judged by its own answer, not by that of the one before', async () => {
    const { fake } = watched();
    fake.aborted = true;
    await thrown(OutboxTransactionAbortedError, () => fake.query('COMMIT'));
    fake.aborted = false;
    await expect(fake.query('COMMIT')).resolves.toBeDefined();
  });

  it('passes the event of the statement on to whom it may concern', async () => {
    const fake = new FakeRunner();
    const broadcast = jest.fn();
    fake.broadcaster.broadcastAfterQueryEvent = broadcast;
    watchStatements(fake.asRunner, {
      assertMayRun: jest.fn(),
      ending: jest.fn(),
      uncertain: () => undefined,
      holdsKeys: () => false,
    });
    await fake.query('COMMIT');
    await fake.query('select 1');
    expect(broadcast.mock.calls.map(([, sql]: unknown[]) => sql)).toEqual(['COMMIT', 'select 1']);
    expect(broadcast.mock.calls.map((event: unknown[]) => event.length)).toEqual([7, 7]);
  });
});

describe('a watched statement that is the victim of a deadlock', () => {
  it('says how the outbox takes part in it, where the transaction has added events', async () => {
    const { fake } = watched(true);
    const deadlock = failure('40P01', 'deadlock detected');
    fake.answers.set('update', deadlock);
    await expect(fake.query('update item')).rejects.toBe(deadlock);
    expect(deadlock.message).toMatch(
      /^deadlock detected\. This transaction has added events, .* Add events last, after all rows are written/,
    );
  });

  it('says no more than the database where it has not', async () => {
    const { fake } = watched(false);
    fake.answers.set('update', failure('40P01', 'deadlock detected'));
    await expect(fake.query('update item')).rejects.toMatchObject({ message: 'deadlock detected' });
  });

  it.each([
    ['another error of the database', failure('23505', 'duplicate key')],
    ['an error of another kind', new Error('duplicate key')],
  ])('is told from %s', async (_what, error) => {
    const { fake } = watched(true);
    fake.answers.set('update', error);
    await expect(fake.query('update item')).rejects.toBe(error);
    expect(error.message).toBe('duplicate key');
  });
});
