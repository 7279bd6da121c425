import { OutboxArgumentInvalidError } from '../../../../lib/errors/event.errors';
import type { DeliveryLimits, DeliveryResult } from '../../../../lib/relay/delivery-result';
import { assertDrainLimits, Drain } from '../../../../lib/relay/drain';
import { FakeLeases } from '../support/fake-leases';

const IDLE: DeliveryResult = { published: 3, retried: 2, dead: 1, ended: 'idle' };

describe('a drain', () => {
  let deliver: jest.Mock<Promise<DeliveryResult>, [DeliveryLimits]>;
  let leases: FakeLeases;
  let publisher: { connect: jest.Mock; publish: jest.Mock; disconnect: jest.Mock };
  let log: string[];
  /** Ends the deliveries that wait for the test. */
  let ends: (() => void)[];

  beforeEach(() => {
    jest.useFakeTimers();
    log = [];
    ends = [];
    leases = new FakeLeases([1]);
    leases.keep.mockImplementation((renew) => Promise.resolve(void log.push(`keep ${String(renew)}`)));
    leases.release.mockImplementation(() => Promise.resolve(void log.push('release')));
    publisher = {
      connect: jest.fn(() => Promise.resolve(void log.push('connect'))),
      publish: jest.fn(),
      disconnect: jest.fn(),
    };
    deliver = jest.fn((_limits) => {
      log.push('deliver');
      return Promise.resolve(IDLE);
    });
  });
  afterEach(() => jest.useRealTimers());

  const aDrain = (isAlone = true): Drain => new Drain({ run: deliver }, leases.asLeases, publisher, isAlone, 30);
  /** Makes deliveries last until the test ends them. */
  const hold = (): void => {
    deliver.mockImplementation((_limits) => {
      log.push('deliver');
      return new Promise((resolve) => ends.push(() => resolve(IDLE)));
    });
  };
  const turns = (): Promise<void> => jest.advanceTimersByTimeAsync(0);

  it.each([
    ['idle', 'done'],
    ['interrupted', 'limit'],
    [{ unavailable: 'no broker' }, 'unavailable'],
  ] as const)('tells what it has done, and of a delivery that ended %j that it is %s', async (ended, why) => {
    deliver.mockResolvedValue({ ...IDLE, ended });
    await expect(aDrain().run({})).resolves.toEqual({ published: 3, retried: 2, dead: 1, ended: why });
  });

  describe('in a process that delivers by itself as well', () => {
    it('leaves the leases and the publisher to it', async () => {
      await aDrain(false).run({});
      expect(log).toEqual(['deliver']);
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  describe('in a process that does not', () => {
    it('connects the publisher, takes lanes, delivers, and gives the lanes back', async () => {
      await aDrain().run({});
      expect(log).toEqual(['connect', 'keep true', 'deliver', 'release']);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('does all of this each time', async () => {
      const drain = aDrain();
      await drain.run({});
      await drain.run({});
      expect(log).toEqual(['connect', 'keep true', 'deliver', 'release', 'connect', 'keep true', 'deliver', 'release']);
    });

    it('renews the leases for as long as it takes, and not after', async () => {
      hold();
      const result = aDrain().run({});
      await jest.advanceTimersByTimeAsync(29_999);
      expect(leases.keep).toHaveBeenCalledTimes(3);
      ends[0]?.();
      await result;
      await jest.advanceTimersByTimeAsync(60_000);
      expect(leases.keep).toHaveBeenCalledTimes(3);
    });

    it('goes on though a renewal fails', async () => {
      hold();
      const result = aDrain().run({});
      await turns();
      leases.keep.mockRejectedValueOnce(new Error('no database'));
      await jest.advanceTimersByTimeAsync(20_000);
      expect(leases.keep).toHaveBeenCalledTimes(3);
      ends[0]?.();
      await expect(result).resolves.toMatchObject({ ended: 'done' });
    });

    it('goes on though the publisher does not connect: it may with the first batch', async () => {
      publisher.connect.mockRejectedValue(new Error('no broker'));
      await expect(aDrain().run({})).resolves.toMatchObject({ ended: 'done' });
      expect(deliver).toHaveBeenCalledTimes(1);
    });

    it('waits no longer than 12 s for the publisher to connect, and keeps no lane from others meanwhile', async () => {
      publisher.connect.mockReturnValue(new Promise(() => undefined));
      const result = aDrain().run({});
      await jest.advanceTimersByTimeAsync(11_999);
      expect(log).toEqual([]);
      await jest.advanceTimersByTimeAsync(1);
      await expect(result).resolves.toMatchObject({ ended: 'done' });
      expect(log).toEqual(['keep true', 'deliver', 'release']);
      expect(jest.getTimerCount()).toBe(0);
    });

    it.each([
      ['no lanes can be taken', () => leases.keep.mockRejectedValue(new Error('no database'))],
      ['the delivery fails', () => deliver.mockRejectedValue(new Error('no database'))],
    ])('fails where %s, gives back what it has, and leaves no timer', async (_what, breakIt) => {
      breakIt();
      await expect(aDrain().run({})).rejects.toThrow('no database');
      expect(leases.release).toHaveBeenCalledTimes(1);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('bears that the lanes cannot be given back: they lapse', async () => {
      leases.release.mockRejectedValue(new Error('no database'));
      await expect(aDrain().run({})).resolves.toMatchObject({ ended: 'done' });
    });
  });

  describe('goes as far as it is told', () => {
    const limits = (): DeliveryLimits => deliver.mock.calls[0]?.[0] as DeliveryLimits;

    it('without a limit: to the end', async () => {
      await aDrain().run({});
      await jest.advanceTimersByTimeAsync(1e9);
      expect([limits().events, limits().mayGoOn()]).toEqual([Infinity, true]);
    });

    it('to a number of events', async () => {
      await aDrain().run({ limit: 7 });
      expect(limits().events).toBe(7);
    });

    it('to a time, which begins when it is asked for', async () => {
      hold();
      const drain = aDrain();
      const results = [drain.run({}), drain.run({ seconds: 2 })];
      await jest.advanceTimersByTimeAsync(1999);
      ends[0]?.();
      await turns();
      const second = deliver.mock.calls[1]?.[0];
      expect(second?.mayGoOn()).toBe(true);
      await jest.advanceTimersByTimeAsync(1);
      expect(second?.mayGoOn()).toBe(false);
      ends[1]?.();
      await Promise.all(results);
    });
  });

  describe('with another', () => {
    it('waits for it, so that one does not give back the lanes of the other', async () => {
      hold();
      const drain = aDrain();
      const both = Promise.all([drain.run({}), drain.run({})]);
      await turns();
      expect(log).toEqual(['connect', 'keep true', 'deliver']);
      ends[0]?.();
      await turns();
      expect(log).toEqual(['connect', 'keep true', 'deliver', 'release', 'connect', 'keep true', 'deliver']);
      ends[1]?.();
      await expect(both).resolves.toHaveLength(2);
    });

    it('is not hindered by its failure', async () => {
      deliver.mockRejectedValueOnce(new Error('no database'));
      const drain = aDrain();
      const [failed, next] = [drain.run({}), drain.run({})];
      await expect(failed).rejects.toThrow('no database');
      await expect(next).resolves.toMatchObject({ ended: 'done' });
    });
  });

  describe('when the application is closing', () => {
    it('lets the batch that is under way end, and nothing begin any more', async () => {
      hold();
      const drain = aDrain();
      const result = drain.run({});
      await turns();
      const mayGoOn = deliver.mock.calls[0]?.[0].mayGoOn;
      expect(mayGoOn?.()).toBe(true);
      const closed = drain.close().then(() => log.push('closed'));
      expect(mayGoOn?.()).toBe(false);
      await turns();
      expect(log).not.toContain('closed');
      ends[0]?.();
      await Promise.all([result, closed]);
      expect(log.slice(-2)).toEqual(['release', 'closed']);
    });

    it('ends at once where none is under way', async () => {
      await expect(aDrain().close()).resolves.toBeUndefined();
    });

    it('bears that the one under way fails', async () => {
      deliver.mockRejectedValueOnce(new Error('no database'));
      const drain = aDrain();
      const failed = drain.run({}).catch(() => undefined);
      await expect(drain.close()).resolves.toBeUndefined();
      await failed;
    });

    it('does nothing for those that wait their turn or come later: the publisher is not connected again', async () => {
      hold();
      const drain = aDrain();
      const results = [drain.run({}), drain.run({})];
      await turns();
      const closed = drain.close();
      ends[0]?.();
      await closed;
      results.push(drain.run({}));
      const ended = (await Promise.all(results)).map((result) => [result.published, result.ended]);
      expect(ended.slice(1)).toEqual([
        [0, 'limit'],
        [0, 'limit'],
      ]);
      expect(log).toEqual(['connect', 'keep true', 'deliver', 'release']);
    });
  });
});

describe('the limits of a drain', () => {
  it.each([{}, { limit: 1 }, { limit: 100_000 }, { seconds: 0 }, { seconds: 0.5 }, { limit: 1, seconds: Infinity }])(
    'may be %j',
    (limits) => {
      expect(() => assertDrainLimits(limits)).not.toThrow();
    },
  );

  it.each([0, -1, 1.5, NaN, Infinity, '7', null])('may not be %p events', (limit) => {
    expect(() => assertDrainLimits({ limit: limit as number })).toThrow(OutboxArgumentInvalidError);
    expect(() => assertDrainLimits({ limit: limit as number })).toThrow(`limit ${String(limit)}`);
  });

  it.each([-1, NaN, '7', null])('may not be %p seconds', (seconds) => {
    expect(() => assertDrainLimits({ seconds: seconds as number })).toThrow(OutboxArgumentInvalidError);
    expect(() => assertDrainLimits({ seconds: seconds as number })).toThrow(`${String(seconds)} seconds`);
  });
});
