import { DataSource, QueryResult, type QueryRunner } from 'typeorm';
import { runStatement } from '../../../../lib/store/run-statement';

describe('a statement', () => {
  let query: jest.Mock<Promise<QueryResult>, [string, unknown[], true]>;
  let release: jest.Mock<Promise<void>, []>;
  let runner: QueryRunner;
  let dataSource: DataSource;

  beforeEach(() => {
    query = jest.fn<Promise<QueryResult>, [string, unknown[], true]>().mockResolvedValue(new QueryResult());
    release = jest.fn<Promise<void>, []>().mockResolvedValue(undefined);
    runner = { query, release } as unknown as QueryRunner;
    dataSource = new DataSource({ type: 'postgres' });
    dataSource.createQueryRunner = () => runner;
  });

  it('gives rows and their number, whatever the command', async () => {
    query.mockResolvedValueOnce(Object.assign(new QueryResult(), { records: [{ a: 1 }], affected: 1 }));
    await expect(runStatement(runner, 'select $1', [1])).resolves.toEqual({ rows: [{ a: 1 }], count: 1 });
    expect(query.mock.calls).toEqual([['select $1', [1], true]]);
  });

  it('gives no rows and none changed where the driver says nothing of them', async () => {
    query.mockResolvedValueOnce(new QueryResult());
    await expect(runStatement(runner, 'x', [])).resolves.toEqual({ rows: [], count: 0 });
  });

  it('does not release a runner that it was given', async () => {
    await runStatement(runner, 'x', []);
    expect(release).not.toHaveBeenCalled();
  });

  it('takes a connection of the pool, and gives it back', async () => {
    await runStatement(dataSource, 'x', []);
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('gives it back also where the statement fails', async () => {
    query.mockRejectedValueOnce(new Error('syntax'));
    await expect(runStatement(dataSource, 'x', [])).rejects.toThrow('syntax');
    expect(release).toHaveBeenCalledTimes(1);
  });
});
