import type { DataSource, QueryRunner } from 'typeorm';
import { connectWithinLimit } from '../../../../lib/store/connect-within-limit';

/** As node-postgres' pool keeps it. */
class PooledClient {
  readonly destroy = jest.fn();
  readonly connection = { stream: { destroy: this.destroy } };
  constructor(public _connected?: boolean) {}
}

describe('a connection of the pool', () => {
  let settle: { resolve: (client: object) => void; reject: (error: Error) => void };
  let connect: jest.Mock<Promise<object>, []>;
  let release: jest.Mock<Promise<void>, []>;
  let runner: QueryRunner;

  beforeEach(() => {
    jest.useFakeTimers();
    connect = jest.fn(() => new Promise((resolve, reject) => (settle = { resolve, reject })));
    release = jest.fn<Promise<void>, []>().mockResolvedValue(undefined);
    runner = { connect, release } as unknown as QueryRunner;
  });
  afterEach(() => jest.useRealTimers());

  const within = (driver: object): Promise<unknown> => connectWithinLimit({ driver } as unknown as DataSource, runner);
  const seconds = (number: number): Promise<void> => jest.advanceTimersByTimeAsync(number * 1000);

  it('is given as soon as it is there, and leaves no timer', async () => {
    const client = new PooledClient(true);
    const connected = within({ master: { _clients: [client] } });
    settle.resolve(client);
    await expect(connected).resolves.toBe(client);
    expect(jest.getTimerCount()).toBe(0);
    expect(release).not.toHaveBeenCalled();
  });

  it('is missed at once where there is none', async () => {
    const connected = within({});
    settle.reject(new Error('ECONNREFUSED'));
    await expect(connected).rejects.toThrow('ECONNREFUSED');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is waited for no longer than 15 s, and given back if it comes later', async () => {
    const refused = expect(within({})).rejects.toThrow('no connection to the database could be had within 15 s');
    await seconds(15);
    await refused;
    // TypeORM would take the runner for released, and lose the connection that it then gets.
    expect(release).not.toHaveBeenCalled();
    settle.resolve(new PooledClient(true));
    await seconds(0);
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('may fail later than that: nobody waits for it', async () => {
    const refused = expect(within({})).rejects.toThrow('within 15 s');
    await seconds(15);
    await refused;
    settle.reject(new Error('Connection terminated unexpectedly'));
    await seconds(0);
    expect(release).not.toHaveBeenCalled();
  });

  it('keeps its place for as long only, where the server has not answered the call', async () => {
    const own = new PooledClient(false);
    const clients = [new PooledClient(true), new PooledClient(false), new PooledClient(false)];
    const [inUse, silent, slow] = clients as [PooledClient, PooledClient, PooledClient];
    connect.mockImplementationOnce(() => {
      clients.push(own);
      return new Promise(() => undefined);
    });
    const refused = expect(within({ master: { _clients: clients } })).rejects.toThrow('within 15 s');
    await seconds(14.9);
    slow._connected = true;
    const later = new PooledClient(false);
    clients.push(later);
    expect(own.destroy).not.toHaveBeenCalled();
    await seconds(0.1);
    await refused;
    expect([own, silent].map(({ destroy }) => destroy.mock.calls.length)).toEqual([1, 1]);
    expect([inUse, slow, later].map(({ destroy }) => destroy.mock.calls.length)).toEqual([0, 0, 0]);
  });

  it('keeps no place either where the call is made only after that, for a request that waits no more', async () => {
    const clients: PooledClient[] = [];
    const refused = expect(within({ master: { _clients: clients } })).rejects.toThrow('within 15 s');
    await seconds(15);
    await refused;
    await seconds(10);
    const late = new PooledClient(false);
    clients.push(late);
    await seconds(19.9);
    expect(late.destroy).not.toHaveBeenCalled();
    await seconds(0.1);
    expect(late.destroy).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['comes', () => settle.resolve(new PooledClient(true))],
    ['fails', () => settle.reject(new Error('Connection terminated unexpectedly'))],
  ])('is not looked for any more once it %s', async (_what, end) => {
    const refused = expect(within({})).rejects.toThrow('within 15 s');
    await seconds(15);
    await refused;
    expect(jest.getTimerCount()).toBe(1);
    end();
    await seconds(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['no such pool', {}],
    ['a pool that keeps no list', { master: {} }],
    ['clients that do not say whether they are connected', { master: { _clients: [new PooledClient()] } }],
    ['clients without a socket', { master: { _clients: [{ _connected: false }] } }],
  ])('is waited for no longer with %s either', async (_what, driver) => {
    const refused = expect(within(driver)).rejects.toThrow('within 15 s');
    await seconds(15);
    await refused;
  });
});
