import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { OutboxArgumentInvalidError } from '../../../../lib/errors/event.errors';
import { OutboxNothingToDrainToError } from '../../../../lib/errors/relay.errors';
import { EventRelayWorker, type RelayParts } from '../../../../lib/relay/event-relay.worker';
import type { WakeUpSender } from '../../../../lib/relay/wake-up-sender';
import { thrown } from '../support/thrown';

interface Fakes {
  readonly log: string[];
  readonly worker: EventRelayWorker;
  readonly registry: SchedulerRegistry;
  readonly warnings: string[];
  readonly loop: { wake: jest.Mock; stop: jest.Mock };
  readonly drain: { run: jest.Mock; close: jest.Mock };
  readonly leases: { keep: jest.Mock; close: jest.Mock; laneBits: bigint };
  readonly signOfLife: { start: jest.Mock; close: jest.Mock };
  readonly sender: { events: jest.Mock; close: jest.Mock };
  readonly publisher: { connect: jest.Mock; publish: jest.Mock; disconnect: jest.Mock };
}

function aWorker(dataSource = 'default', registry = new SchedulerRegistry(), relay = true): Fakes {
  const log: string[] = [];
  const step = (name: string): jest.Mock => jest.fn(() => Promise.resolve(void log.push(name)));
  const loop = { wake: jest.fn(() => void log.push('wake')), stop: step('stop') };
  const drain = { run: step('drain'), close: step('close drain') };
  const leases = { keep: step('keep'), close: step('close leases'), laneBits: 0n };
  const signOfLife = { start: jest.fn(() => void log.push('live')), close: step('die') };
  const sender = { events: jest.fn(), close: step('fall silent') };
  const publisher = { connect: step('connect'), publish: jest.fn(), disconnect: step('disconnect') };
  const warnings: string[] = [];
  const logger = new Logger();
  jest.spyOn(logger, 'warn').mockImplementation((line: string) => warnings.push(line));
  const seconds = { pollIntervalSeconds: 2, leaseSeconds: 30, shutdownSeconds: 100 };
  const parts = { loop, drain, leases, signOfLife, publisher, relay, ...seconds } as unknown as RelayParts;
  return {
    log,
    worker: new EventRelayWorker(dataSource, registry, logger, parts, sender as unknown as WakeUpSender),
    registry,
    warnings,
    loop,
    drain,
    leases,
    signOfLife,
    sender,
    publisher,
  };
}

describe('the relay worker', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('connects the publisher and looks for events at once', () => {
    const { worker, log } = aWorker();
    worker.onApplicationBootstrap();
    expect(log).toEqual(['connect', 'live', 'wake']);
  });

  it('lets the application start without a broker', async () => {
    const { worker, publisher, loop } = aWorker();
    publisher.connect.mockRejectedValue(new Error('no broker'));
    worker.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(0);
    expect(loop.wake).toHaveBeenCalledTimes(1);
  });

  it('polls at its interval', async () => {
    const { worker, loop } = aWorker();
    worker.onApplicationBootstrap();
    loop.wake.mockClear();
    await jest.advanceTimersByTimeAsync(1999);
    expect(loop.wake).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(4001);
    expect(loop.wake).toHaveBeenCalledTimes(3);
  });

  it('renews its leases after each third of them, whatever the loop does', async () => {
    const { worker, leases } = aWorker();
    worker.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(9999);
    expect(leases.keep).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(20_001);
    expect(leases.keep).toHaveBeenCalledTimes(3);
  });

  it('goes on renewing after a renewal that failed', async () => {
    const { worker, leases } = aWorker();
    leases.keep.mockRejectedValueOnce(new Error('no database'));
    worker.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(20_000);
    expect(leases.keep).toHaveBeenCalledTimes(2);
  });

  it('has its poll timer in the registry, where the application sees it, under the name of its data source', async () => {
    const registry = new SchedulerRegistry();
    const [one, other] = [aWorker('default', registry), aWorker('billing', registry)];
    one.worker.onApplicationBootstrap();
    other.worker.onApplicationBootstrap();
    expect(registry.getIntervals()).toEqual(['outbox-relay-default', 'outbox-relay-billing']);
    await one.worker.beforeApplicationShutdown();
    expect(registry.getIntervals()).toEqual(['outbox-relay-billing']);
    await other.worker.beforeApplicationShutdown();
    expect(registry.getIntervals()).toEqual([]);
  });

  it('can be woken at any time', () => {
    const { worker, loop } = aWorker();
    worker.wake();
    worker.wake();
    expect(loop.wake).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['the lanes are its own', 0b110n, 0b100n, 1, 0n],
    ['some of the lanes are its own', 0b110n, 0b101n, 1, 0b001n],
    ['they are of others', 0b110n, 0b1001n, 0, 0b1001n],
    ['it does not know yet which lanes are its own', 0n, 0b1001n, 1, 0b1001n],
  ])('is woken by a commit, or wakes others, where %s', (_what, own, lanes, woken, told) => {
    const { worker, leases, loop, sender } = aWorker();
    leases.laneBits = own;
    worker.committed(lanes);
    // The commit's connection is not free yet.
    expect(loop.wake).not.toHaveBeenCalled();
    jest.advanceTimersByTime(0);
    expect(loop.wake).toHaveBeenCalledTimes(woken);
    expect(sender.events.mock.calls).toEqual([[told]]);
  });

  it('wakes the loop outside of the context of whoever wakes it', () => {
    const { worker, loop } = aWorker();
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    loop.wake.mockImplementation(() => seen.push(request.getStore()));
    request.run('a request', () => {
      worker.wake();
      seen.push(request.getStore());
    });
    expect(seen).toEqual([undefined, 'a request']);
  });

  describe('at shutdown', () => {
    it('finishes what is in flight, then disconnects, and gives its leases back, and then its sign of life up', async () => {
      const { worker, log } = aWorker();
      worker.onApplicationBootstrap();
      log.length = 0;
      await worker.beforeApplicationShutdown();
      expect(log).toEqual(['stop', 'close drain', 'close leases', 'disconnect', 'die', 'fall silent']);
    });

    it('goes on renewing its leases until what is in flight is finished, and not after', async () => {
      const { worker, loop, leases, registry } = aWorker();
      let finish = (): void => undefined;
      loop.stop.mockReturnValue(
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
      );
      worker.onApplicationBootstrap();
      const ending = worker.beforeApplicationShutdown();
      loop.wake.mockClear();
      await jest.advanceTimersByTimeAsync(30_000);
      expect(leases.keep).toHaveBeenCalledTimes(3);
      expect(leases.close).not.toHaveBeenCalled();
      // The poll has ended at once all the same.
      expect([loop.wake.mock.calls.length, registry.getIntervals()]).toEqual([0, []]);
      finish();
      await ending;
      expect(leases.close).toHaveBeenCalledTimes(1);
      await jest.advanceTimersByTimeAsync(60_000);
      expect(leases.keep).toHaveBeenCalledTimes(3);
    });

    it('leaves no timer', async () => {
      const { worker, log } = aWorker();
      worker.onApplicationBootstrap();
      await worker.beforeApplicationShutdown();
      expect(jest.getTimerCount()).toBe(0);
      log.length = 0;
      await jest.advanceTimersByTimeAsync(120_000);
      expect(log).toEqual([]);
    });

    it('bears that the application has removed its timer', async () => {
      const { worker, registry, log } = aWorker();
      worker.onApplicationBootstrap();
      registry.deleteInterval('outbox-relay-default');
      await worker.beforeApplicationShutdown();
      expect(log).toContain('disconnect');
    });

    it('says what has failed, and does the rest', async () => {
      const { worker, warnings, leases, publisher } = aWorker();
      leases.close.mockRejectedValue(new Error('no database'));
      publisher.disconnect.mockRejectedValue(new Error('no broker'));
      worker.onApplicationBootstrap();
      await expect(worker.beforeApplicationShutdown()).resolves.toBeUndefined();
      expect(warnings).toEqual([
        'The leases could not be given back and will lapse: Error: no database',
        'The publisher could not be disconnected: Error: no broker',
      ]);
      expect(publisher.disconnect).toHaveBeenCalledTimes(1);
    });

    it('waits for a drain that is under way', async () => {
      const { worker, drain, log } = aWorker();
      let finish = (): void => undefined;
      drain.close.mockReturnValue(new Promise<void>((resolve) => (finish = resolve)));
      const ending = worker.beforeApplicationShutdown();
      await jest.advanceTimersByTimeAsync(50_000);
      expect(log).toEqual(['stop']);
      finish();
      await ending;
      expect(log).toEqual(['stop', 'close leases', 'disconnect', 'die', 'fall silent']);
    });

    it.each(['loop', 'drain'] as const)('waits for the %s no longer than it may take, and says so', async (which) => {
      const { worker, loop, drain, log, warnings } = aWorker();
      (which === 'loop' ? loop.stop : drain.close).mockReturnValue(new Promise(() => undefined));
      worker.onApplicationBootstrap();
      const ending = worker.beforeApplicationShutdown();
      await jest.advanceTimersByTimeAsync(99_999);
      expect(log).not.toContain('close leases');
      await jest.advanceTimersByTimeAsync(1);
      await ending;
      expect(log.slice(-4)).toEqual(['close leases', 'disconnect', 'die', 'fall silent']);
      expect(warnings).toEqual([
        'What was being sent could not be settled within 100 s (shutdownSeconds); it will be sent again.',
      ]);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('takes no longer for all of it than it may, whatever does not end, and says what', async () => {
      const { worker, leases, signOfLife, sender, publisher, warnings } = aWorker();
      const never = new Promise<void>(() => undefined);
      for (const step of [leases.close, signOfLife.close, sender.close, publisher.disconnect]) {
        step.mockReturnValue(never);
      }
      worker.onApplicationBootstrap();
      let ended = false;
      const ending = worker.beforeApplicationShutdown().then(() => (ended = true));
      await jest.advanceTimersByTimeAsync(99_999);
      expect(ended).toBe(false);
      await jest.advanceTimersByTimeAsync(2);
      await ending;
      expect([signOfLife.close.mock.calls.length, sender.close.mock.calls.length]).toEqual([1, 1]);
      expect(warnings).toEqual([
        'The publisher did not end its disconnecting in time.',
        'The leases could not be given back in time (shutdownSeconds) and will lapse.',
      ]);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('takes a second for the rest, where what was in flight has taken all of the time', async () => {
      const { worker, loop, leases, signOfLife } = aWorker();
      loop.stop.mockReturnValue(new Promise(() => undefined));
      leases.close.mockReturnValue(new Promise(() => undefined));
      worker.onApplicationBootstrap();
      const ending = worker.beforeApplicationShutdown();
      await jest.advanceTimersByTimeAsync(100_999);
      expect([leases.close.mock.calls.length, signOfLife.close.mock.calls.length]).toEqual([1, 0]);
      await jest.advanceTimersByTimeAsync(2);
      await ending;
      expect(signOfLife.close).toHaveBeenCalledTimes(1);
    });

    it('bears that it was never started', async () => {
      const { worker, log } = aWorker();
      await worker.beforeApplicationShutdown();
      expect(log).toEqual(['stop', 'close drain', 'close leases', 'disconnect', 'die', 'fall silent']);
    });
  });

  describe('drains', () => {
    it('to the limits that it is given', async () => {
      const { worker, drain } = aWorker();
      drain.run.mockResolvedValue('the result');
      await expect(worker.drain({ limit: 5, seconds: 0.5 })).resolves.toBe('the result');
      await worker.drain();
      expect(drain.run.mock.calls).toEqual([[{ limit: 5, seconds: 0.5 }], [{}]]);
    });

    it('outside of the context of whoever asks for it', async () => {
      const { worker, drain } = aWorker();
      const request = new AsyncLocalStorage<string>();
      let seen: unknown = 'nothing';
      drain.run.mockImplementation(() => {
        seen = request.getStore();
        return Promise.resolve();
      });
      await request.run('a request', () => worker.drain());
      expect(seen).toBeUndefined();
    });

    it.each([{ limit: 0 }, { limit: 1.5 }, { limit: '7' as never }, { seconds: -1 }, { seconds: NaN }])(
      'not with %j',
      async (limits) => {
        const { worker, drain } = aWorker();
        await expect(worker.drain(limits)).rejects.toThrow(OutboxArgumentInvalidError);
        expect(drain.run).not.toHaveBeenCalled();
      },
    );
  });

  describe('of a process that delivers only when it is told to', () => {
    it('starts nothing, and is not woken', async () => {
      const { worker, registry, log } = aWorker('default', new SchedulerRegistry(), false);
      worker.onApplicationBootstrap();
      worker.wake();
      await jest.advanceTimersByTimeAsync(60_000);
      expect([log, registry.getIntervals(), jest.getTimerCount()]).toEqual([[], [], 0]);
    });

    it('drains', async () => {
      const { worker, log } = aWorker('default', new SchedulerRegistry(), false);
      await worker.drain({ limit: 1 });
      expect(log).toEqual(['drain']);
    });

    it('ends in the same order', async () => {
      const { worker, log } = aWorker('default', new SchedulerRegistry(), false);
      await worker.beforeApplicationShutdown();
      expect(log).toEqual(['stop', 'close drain', 'close leases', 'disconnect', 'die', 'fall silent']);
    });
  });

  it('only tells the relays of others of commits where the process does not deliver', async () => {
    const registry = new SchedulerRegistry();
    const { sender } = aWorker();
    const worker = new EventRelayWorker('default', registry, new Logger(), null, sender as unknown as WakeUpSender);
    worker.onApplicationBootstrap();
    worker.committed(5n);
    worker.wake();
    expect([registry.getIntervals(), jest.getTimerCount()]).toEqual([[], 0]);
    await expect(worker.beforeApplicationShutdown()).resolves.toBeUndefined();
    expect(sender.events.mock.calls).toEqual([[5n]]);
    expect(sender.close).toHaveBeenCalledTimes(1);
  });

  describe('of a process that does not know where to deliver to', () => {
    const aWriter = (registry = new SchedulerRegistry()): EventRelayWorker =>
      new EventRelayWorker('billing', registry, new Logger(), null, aWorker().sender as unknown as WakeUpSender);

    it('does nothing', async () => {
      const registry = new SchedulerRegistry();
      const worker = aWriter(registry);
      worker.onApplicationBootstrap();
      worker.wake();
      expect([registry.getIntervals(), jest.getTimerCount()]).toEqual([[], 0]);
      await expect(worker.beforeApplicationShutdown()).resolves.toBeUndefined();
    });

    it('does not drain, and says of which data source', async () => {
      const error = await thrown(OutboxNothingToDrainToError, () => aWriter().drain());
      expect(error.message).toContain('"billing"');
    });
  });
});
