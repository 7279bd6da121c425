import { EventEmitter } from 'node:events';
import type { DataSource, QueryRunner } from 'typeorm';
import { SignOfLife } from '../../../../lib/relay/sign-of-life';
import { toPayload } from '../../../../lib/relay/wake-up';
import { listen } from '../../../../lib/store/listen';
import { notify } from '../../../../lib/store/notify';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { takeLifeLock } from '../../../../lib/store/take-life-lock';

jest.mock('../../../../lib/store/listen');
jest.mock('../../../../lib/store/notify');
jest.mock('../../../../lib/store/take-life-lock');

const listening = jest.mocked(listen);
const notifying = jest.mocked(notify);
const locking = jest.mocked(takeLifeLock);

/** A connection of the pool: ends when it is released with an error, as the pool then closes it, and when its socket is destroyed. */
class FakeConnection extends EventEmitter {
  readonly query = jest.fn(() => Promise.resolve({ records: [], affected: 0 }));
  readonly connection = { stream: { destroy: () => void this.emit('end') } };

  readonly runner = {
    connect: () => Promise.resolve(this),
    query: this.query,
    releasePostgresConnection: (error: unknown) => {
      expect(error).toBeInstanceOf(Error);
      this.emit('end');
      return Promise.resolve();
    },
  };

  get listeners_(): number {
    return this.eventNames().length;
  }
}

describe('the sign of life', () => {
  let connections: FakeConnection[];
  let refused: number;
  let swallowing: boolean;
  let locks: (number | null)[];
  let messages: string[];
  let pollsOnly: jest.Mock<undefined, [string]>;
  let sign: SignOfLife;

  const seconds = (number: number): Promise<void> => jest.advanceTimersByTimeAsync(number * 1000);
  const last = (): FakeConnection => connections.at(-1) as FakeConnection;
  const hear = (payload: string): void => void last().emit('notification', { payload });
  const aSign = (poolSize: number | undefined): SignOfLife => {
    const created: SignOfLife = new SignOfLife(
      {
        driver: {},
        createQueryRunner: (): QueryRunner => {
          if (refused-- > 0) {
            throw new Error('no database');
          }
          connections.push(new FakeConnection());
          return last().runner as unknown as QueryRunner;
        },
      } as unknown as DataSource,
      Object.create(OutboxTables.prototype) as OutboxTables,
      poolSize,
      { pollsOnly },
      () => 1,
      {
        onMessage: (payload) => void messages.push(payload),
        onLock: () => Promise.resolve(void locks.push(created.lock)),
      },
    );
    return created;
  };

  beforeEach(() => {
    jest.useFakeTimers();
    jest.resetAllMocks();
    connections = [];
    refused = 0;
    swallowing = false;
    locks = [];
    messages = [];
    pollsOnly = jest.fn<undefined, [string]>();
    listening.mockResolvedValue();
    notifying.mockImplementation((_source, _tables, payload) => {
      if (!swallowing) {
        hear(payload);
      }
      return Promise.resolve();
    });
    let number = 0;
    locking.mockImplementation(() => Promise.resolve(++number));
    sign = aSign(10);
  });
  afterEach(async () => {
    await sign.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('is shown once it is known that notifications arrive', async () => {
    sign.start();
    await seconds(0);
    expect(listening).toHaveBeenCalledTimes(1);
    expect([sign.lock, locks]).toEqual([1, [1]]);
    hear('events 1');
    expect(messages).toEqual(['events 1']);
  });

  it('is not shown where they do not, which is said; and it is tried again much later', async () => {
    swallowing = true;
    sign.start();
    await seconds(1.9);
    hear(toPayload({ kind: 'test', token: 'of another process' }));
    expect(pollsOnly).not.toHaveBeenCalled();
    await seconds(0.2);
    expect(pollsOnly).toHaveBeenCalledWith(expect.stringContaining('notifications do not arrive'));
    expect([sign.lock, locks, locking.mock.calls.length]).toEqual([null, [], 0]);
    expect(last().listeners_).toBe(0);
    swallowing = false;
    await seconds(599);
    expect(connections).toHaveLength(1);
    await seconds(2);
    expect(sign.lock).toBe(1);
  });

  it.each([1, 2, 3, undefined])('is not begun with a pool of %p', async (poolSize) => {
    sign = aSign(poolSize);
    sign.start();
    await seconds(1);
    expect(connections).toEqual([]);
    expect(pollsOnly).toHaveBeenCalledTimes(1);
  });

  it('is withdrawn when its connection ends, and shown again on another one', async () => {
    sign.start();
    await seconds(0);
    last().emit('error', new Error('terminating connection'));
    last().emit('end');
    await seconds(0);
    expect([sign.lock, locks]).toEqual([null, [1, null]]);
    expect(connections[0]?.listeners_).toBe(0);
    await seconds(1);
    expect([sign.lock, locks]).toEqual([2, [1, null, 2]]);
  });

  it('is shown as soon as the database can be reached, asked for less and less often', async () => {
    refused = 5;
    sign.start();
    await seconds(0.25 + 0.5 + 1 + 2 + 3.9);
    expect(sign.lock).toBeNull();
    await seconds(0.2);
    expect(sign.lock).toBe(1);
  });

  it('is withdrawn, before its lock goes, where the connection does not answer any more', async () => {
    sign.start();
    await seconds(0);
    const [silent] = connections;
    let ended = false;
    silent?.once('end', () => {
      ended = true;
      expect(locks).toEqual([1, null]);
    });
    silent?.query.mockRejectedValueOnce(new Error('no answer'));
    await seconds(30);
    expect(ended).toBe(true);
    await seconds(1);
    expect(sign.lock).toBe(2);
  });

  it('ends a connection that has fallen silent', async () => {
    sign.start();
    await seconds(0);
    const [silent] = connections;
    silent?.query.mockImplementationOnce(
      () =>
        new Promise((_, reject) => {
          silent.once('end', () => reject(new Error('the connection has ended')));
        }),
    );
    await seconds(34.9);
    expect(connections).toHaveLength(1);
    await seconds(1);
    expect(connections).toHaveLength(2);
  });

  it('goes on where it could not be told: the next renewal of the leases does that', async () => {
    const failing = new SignOfLife(
      {
        driver: {},
        createQueryRunner: () => (connections.push(new FakeConnection()), last().runner),
      } as unknown as DataSource,
      Object.create(OutboxTables.prototype) as OutboxTables,
      4,
      { pollsOnly },
      () => 1,
      { onMessage: () => undefined, onLock: () => Promise.reject(new Error('no database')) },
    );
    failing.start();
    await seconds(0);
    expect(failing.lock).toBe(1);
    await failing.close();
    expect(connections).toHaveLength(1);
  });

  it.each([
    ['before it was begun', -1],
    ['while it is being tested', 1],
    ['while it is shown', 60],
  ])('ends with the application %s', async (_when, after) => {
    swallowing = after === 1;
    if (after >= 0) {
      sign.start();
      await seconds(after);
    }
    await sign.close();
    expect(connections.map((connection) => connection.listeners_)).toEqual(connections.map(() => 0));
    await seconds(3600);
    expect(connections.length).toBeLessThan(2);
    expect(pollsOnly).not.toHaveBeenCalled();
  });

  it('ends at once a connection that it gets only after its end: the pool had none until then', async () => {
    const connection = new FakeConnection();
    let give = (): void => undefined;
    connection.runner.connect = () => new Promise((resolve) => (give = () => resolve(connection)));
    const late = new SignOfLife(
      { driver: {}, createQueryRunner: () => connection.runner } as unknown as DataSource,
      Object.create(OutboxTables.prototype) as OutboxTables,
      4,
      { pollsOnly },
      () => 1,
      { onMessage: () => undefined, onLock: () => Promise.resolve() },
    );
    late.start();
    const closing = late.close();
    give();
    await closing;
    expect([connection.listeners_, listening.mock.calls.length, jest.getTimerCount()]).toEqual([0, 0, 0]);
  });
});
