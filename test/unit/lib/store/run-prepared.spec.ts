import { QueryFailedError, type QueryRunner } from 'typeorm';
import { prepared, runPrepared } from '../../../../lib/store/run-prepared';
import { thrown } from '../support/thrown';

describe('a prepared statement', () => {
  it('has a name that follows from its text, and fits PostgreSQL', () => {
    const { name, text } = prepared('select $1');
    expect(text).toBe('select $1');
    expect(name).toMatch(/^outbox_[0-9a-f]+$/);
    expect(name.length).toBeLessThan(64);
    expect(prepared('select $1').name).toBe(name);
    expect(prepared('select $2').name).not.toBe(name);
  });

  const statement = prepared('select $1');

  function aRunner(query: jest.Mock): {
    runner: QueryRunner;
    logger: { logQuery: jest.Mock; logQueryError: jest.Mock };
  } {
    const logger = { logQuery: jest.fn(), logQueryError: jest.fn() };
    return {
      logger,
      runner: { connect: () => Promise.resolve({ query }), connection: { logger } } as unknown as QueryRunner,
    };
  }

  it("is run on the runner's connection under its name, and logged as TypeORM logs", async () => {
    const query = jest.fn().mockResolvedValue({ rowCount: 1 });
    const { runner, logger } = aRunner(query);
    await runPrepared(runner, statement, [7]);
    expect(query.mock.calls).toEqual([[{ ...statement, values: [7] }]]);
    expect(logger.logQuery.mock.calls).toEqual([[statement.text, [7], runner]]);
    expect(logger.logQueryError).not.toHaveBeenCalled();
  });

  it('fails as with TypeORM', async () => {
    const failure = Object.assign(new Error('duplicate key'), { code: '23505' });
    const { runner, logger } = aRunner(jest.fn().mockRejectedValue(failure));
    const error = await thrown(QueryFailedError, () => runPrepared(runner, statement, [7]));
    expect(error).toMatchObject({ query: statement.text, parameters: [7], driverError: failure });
    expect(logger.logQueryError.mock.calls).toEqual([[failure, statement.text, [7], runner]]);
  });
});
