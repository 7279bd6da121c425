import { DataSource, QueryResult, type QueryRunner } from 'typeorm';
import { runStatement, runWithinLimit } from '../../../../lib/store/run-statement';

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

  it('knows a data source of another copy of TypeORM, too', async () => {
    const another = { createQueryRunner: () => runner } as unknown as DataSource;
    query.mockResolvedValueOnce(Object.assign(new QueryResult(), { records: [{ a: 1 }], affected: 1 }));
    await expect(runStatement(another, 'x', [])).resolves.toEqual({ rows: [{ a: 1 }], count: 1 });
    expect(release).toHaveBeenCalledTimes(1);
  });
});

describe('a statement within a limit', () => {
  let destroy: jest.Mock;
  let connect: jest.Mock<Promise<unknown>, []>;
  let query: jest.Mock<Promise<QueryResult>, [string, unknown[], true]>;
  let release: jest.Mock<Promise<void>, []>;
  let dataSource: DataSource;
  let createQueryRunner: jest.Mock<QueryRunner, []>;

  beforeEach(() => {
    jest.useFakeTimers();
    destroy = jest.fn();
    connect = jest.fn<Promise<unknown>, []>().mockResolvedValue({ connection: { stream: { destroy } } });
    query = jest.fn<Promise<QueryResult>, [string, unknown[], true]>().mockResolvedValue(new QueryResult());
    release = jest.fn<Promise<void>, []>().mockResolvedValue(undefined);
    createQueryRunner = jest.fn(() => ({ connect, query, release }) as unknown as QueryRunner);
    dataSource = { driver: {}, createQueryRunner } as unknown as DataSource;
  });
  afterEach(() => jest.useRealTimers());

  it('gives what the statement gives, on one connection, which it gives back with no timer left', async () => {
    query.mockResolvedValueOnce(Object.assign(new QueryResult(), { records: [{ a: 1 }], affected: 3 }));
    await expect(runWithinLimit(dataSource, 'select $1', [1])).resolves.toEqual({ rows: [{ a: 1 }], count: 3 });
    expect(query.mock.calls).toEqual([['select $1', [1], true]]);
    expect([createQueryRunner, connect, release].map((mock) => mock.mock.calls.length)).toEqual([1, 1, 1]);
    expect(jest.getTimerCount()).toBe(0);
    expect(destroy).not.toHaveBeenCalled();
  });

  it('fails as the statement does, gives the connection back, and leaves no timer', async () => {
    query.mockRejectedValueOnce(new Error('syntax'));
    await expect(runWithinLimit(dataSource, 'x', [])).rejects.toThrow('syntax');
    expect(release).toHaveBeenCalledTimes(1);
    expect(jest.getTimerCount()).toBe(0);
    expect(destroy).not.toHaveBeenCalled();
  });

  it('has its connection closed where it takes longer than 15 seconds, so that it fails', async () => {
    query.mockReturnValueOnce(
      new Promise((_resolve, reject) => {
        // As node-postgres does.
        destroy.mockImplementation(() => reject(new Error('Connection terminated unexpectedly')));
      }),
    );
    let failure: unknown;
    const done = runWithinLimit(dataSource, 'x', []).catch((error: unknown) => {
      failure = error;
    });
    await jest.advanceTimersByTimeAsync(14_999);
    expect(destroy).not.toHaveBeenCalled();
    expect(release).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    await done;
    expect(destroy).toHaveBeenCalledTimes(1);
    expect(failure).toEqual(new Error('Connection terminated unexpectedly'));
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('waits for a connection of the pool no longer either, and gives back one that comes later', async () => {
    let give = (): void => undefined;
    connect.mockReturnValueOnce(
      new Promise((resolve) => {
        give = () => resolve({ connection: { stream: { destroy } } });
      }),
    );
    const done = runWithinLimit(dataSource, 'x', []);
    const refused = expect(done).rejects.toThrow('no connection to the database could be had within 15 s');
    await jest.advanceTimersByTimeAsync(15_000);
    await refused;
    // TypeORM would take it for released, and lose the connection that it then gets.
    expect(release).not.toHaveBeenCalled();
    give();
    await jest.advanceTimersByTimeAsync(0);
    expect(release).toHaveBeenCalledTimes(1);
    expect(query).not.toHaveBeenCalled();
  });

  it('fails where there is no connection', async () => {
    connect.mockRejectedValueOnce(new Error('ECONNREFUSED'));
    await expect(runWithinLimit(dataSource, 'x', [])).rejects.toThrow('ECONNREFUSED');
    expect(query).not.toHaveBeenCalled();
  });

  it.each([
    ['no stream', { connection: {} }],
    ['nothing known', {}],
  ])('bears a driver of which %s can be closed', async (_what, client) => {
    connect.mockResolvedValueOnce(client);
    let answer = (): void => undefined;
    query.mockReturnValueOnce(
      new Promise((resolve) => {
        answer = () => resolve(new QueryResult());
      }),
    );
    const done = runWithinLimit(dataSource, 'x', []);
    await jest.advanceTimersByTimeAsync(20_000);
    answer();
    await expect(done).resolves.toEqual({ rows: [], count: 0 });
  });
});
