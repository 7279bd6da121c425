import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import { OutboxUpkeep } from '../../../../lib/upkeep/outbox-upkeep';
import type { OutboxUpkeepResult } from '../../../../lib/upkeep/upkeep-pass';

const NOTHING: OutboxUpkeepResult = { published: 0, deadLetters: 0, inbox: 0, inboxDeadLetters: 0 };

interface Fakes {
  readonly upkeep: OutboxUpkeep;
  readonly pass: jest.Mock<Promise<OutboxUpkeepResult>, [AbortSignal, boolean]>;
  readonly registry: SchedulerRegistry;
  readonly lines: string[];
  readonly told: OutboxActivity[];
}

function anUpkeep({
  dataSource = 'default',
  registry = new SchedulerRegistry(),
  scheduled = true,
  random = 0.5,
} = {}): Fakes {
  const pass = jest.fn<Promise<OutboxUpkeepResult>, [AbortSignal, boolean]>().mockResolvedValue(NOTHING);
  const lines: string[] = [];
  const told: OutboxActivity[] = [];
  const logger = new Logger();
  jest.spyOn(logger, 'warn').mockImplementation((line: string) => lines.push(`warn ${line}`));
  jest.spyOn(logger, 'log').mockImplementation((line: string) => lines.push(`log ${line}`));
  const upkeep = new OutboxUpkeep(dataSource, registry, logger, {
    pass,
    scheduled,
    tell: (activity) => void told.push(activity),
    shutdownSeconds: 20,
    random: () => random,
  });
  return { upkeep, pass, registry, lines, told };
}

/** A pass that ends when the test wants it to. */
function held(pass: Fakes['pass']): { end: () => void; fail: (error: Error) => void } {
  const how = { end: (): void => undefined, fail: (_error: Error): void => undefined };
  pass.mockReturnValueOnce(
    new Promise((resolve, reject) => {
      how.end = () => resolve(NOTHING);
      how.fail = reject;
    }),
  );
  return how;
}

describe('the upkeep', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const seconds = (number: number): Promise<void> => jest.advanceTimersByTimeAsync(number * 1000);

  it.each([0, 0.3, 0.999])(
    'begins soon after the start, at a random moment (%p), and then runs every minute',
    async (random) => {
      const { upkeep, pass } = anUpkeep({ random });
      upkeep.onApplicationBootstrap();
      expect(pass).not.toHaveBeenCalled();
      await seconds(10 * random + 0.001);
      expect(pass).toHaveBeenCalledTimes(1);
      await seconds(59.99 - 10 * random);
      expect(pass).toHaveBeenCalledTimes(1);
      await seconds(120);
      expect(pass).toHaveBeenCalledTimes(3);
    },
  );

  it('has its timer in the registry, where the application sees it, under the name of its data source', async () => {
    const registry = new SchedulerRegistry();
    const [one, other] = [anUpkeep({ registry }), anUpkeep({ registry, dataSource: 'billing' })];
    one.upkeep.onApplicationBootstrap();
    other.upkeep.onApplicationBootstrap();
    expect(registry.getIntervals()).toEqual(['outbox-upkeep-default', 'outbox-upkeep-billing']);
    await one.upkeep.beforeApplicationShutdown();
    expect(registry.getIntervals()).toEqual(['outbox-upkeep-billing']);
    await other.upkeep.beforeApplicationShutdown();
    expect(registry.getIntervals()).toEqual([]);
  });

  it('does not run by itself where the process does not deliver, but when it is told to', async () => {
    const { upkeep, pass, registry } = anUpkeep({ scheduled: false });
    upkeep.onApplicationBootstrap();
    expect([registry.getIntervals(), jest.getTimerCount()]).toEqual([[], 0]);
    const deleted = { published: 5, deadLetters: 1, inbox: 7, inboxDeadLetters: 2 };
    pass.mockResolvedValue(deleted);
    await expect(upkeep.run()).resolves.toBe(deleted);
    await upkeep.beforeApplicationShutdown();
  });

  it('runs one pass at a time, which all share who ask for one', async () => {
    const { upkeep, pass } = anUpkeep();
    upkeep.onApplicationBootstrap();
    const first = held(pass);
    const asked = upkeep.run();
    expect(upkeep.run()).toBe(asked);
    await seconds(180);
    expect(pass).toHaveBeenCalledTimes(1);
    first.end();
    await asked;
    await seconds(60);
    expect(pass).toHaveBeenCalledTimes(2);
  });

  it('knows whether somebody has asked for a pass', async () => {
    const { upkeep, pass } = anUpkeep({ random: 0 });
    upkeep.onApplicationBootstrap();
    await seconds(0.01);
    await upkeep.run();
    expect(pass.mock.calls.map(([, isAsked]) => isAsked)).toEqual([false, true]);
  });

  it('runs outside of the context of whoever asks for it', async () => {
    const { upkeep, pass } = anUpkeep();
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    pass.mockImplementation(() => {
      seen.push(request.getStore());
      return Promise.resolve(NOTHING);
    });
    await request.run('a request', () => upkeep.run());
    expect(seen).toEqual([undefined]);
  });

  it('gives a failure to whoever has asked, and leaves the log to them', async () => {
    const { upkeep, pass, lines } = anUpkeep();
    const failure = new Error('no database');
    pass.mockRejectedValueOnce(failure);
    await expect(upkeep.run()).rejects.toBe(failure);
    expect(lines).toEqual([]);
    await expect(upkeep.run()).resolves.toEqual(NOTHING);
  });

  it('tells once that it fails and once that it works again, and goes on trying', async () => {
    const { upkeep, pass, lines } = anUpkeep();
    pass.mockRejectedValueOnce(new Error('no database'));
    pass.mockRejectedValueOnce(Object.assign(new Error(''), { code: 'ECONNREFUSED' }));
    pass.mockResolvedValue(NOTHING);
    upkeep.onApplicationBootstrap();
    await seconds(70);
    expect(pass).toHaveBeenCalledTimes(2);
    expect(lines).toEqual(['warn The upkeep of the outbox has failed: no database. It is tried again every minute.']);
    await seconds(180);
    expect(pass).toHaveBeenCalledTimes(5);
    expect(lines.slice(1)).toEqual(['log The upkeep of the outbox works again.']);
    pass.mockRejectedValueOnce(new Error('gone again'));
    await seconds(60);
    expect(lines.at(-1)).toContain('gone again');
  });

  describe('at shutdown', () => {
    it('tells the pass to end, and waits for it', async () => {
      const { upkeep, pass } = anUpkeep();
      const current = held(pass);
      void upkeep.run();
      const signal = pass.mock.calls[0]?.[0];
      expect(signal?.aborted).toBe(false);
      let ended = false;
      const ending = upkeep.beforeApplicationShutdown().then(() => (ended = true));
      await seconds(1);
      expect([signal?.aborted, ended]).toEqual([true, false]);
      current.end();
      await ending;
    });

    it('waits for the pass no longer than it may', async () => {
      const { upkeep, pass } = anUpkeep();
      held(pass);
      void upkeep.run();
      let ended = false;
      const ending = upkeep.beforeApplicationShutdown().then(() => (ended = true));
      await seconds(19.9);
      expect(ended).toBe(false);
      await seconds(0.1);
      await ending;
      expect(jest.getTimerCount()).toBe(0);
    });

    it('leaves no timer, also before the first pass', async () => {
      const { upkeep, pass } = anUpkeep();
      upkeep.onApplicationBootstrap();
      await upkeep.beforeApplicationShutdown();
      expect(jest.getTimerCount()).toBe(0);
      await seconds(300);
      expect(pass).not.toHaveBeenCalled();
    });

    it('bears that the last pass fails, and does not tell of it', async () => {
      const { upkeep, pass, lines } = anUpkeep({ random: 0 });
      const current = held(pass);
      upkeep.onApplicationBootstrap();
      await seconds(0.01);
      const ending = upkeep.beforeApplicationShutdown();
      current.fail(new Error('pool is closed'));
      await expect(ending).resolves.toBeUndefined();
      expect(lines).toEqual([]);
    });

    it('bears that the application has removed its timer, or that it was never started', async () => {
      const { upkeep, registry } = anUpkeep();
      upkeep.onApplicationBootstrap();
      registry.deleteInterval('outbox-upkeep-default');
      await expect(upkeep.beforeApplicationShutdown()).resolves.toBeUndefined();
      await expect(anUpkeep().upkeep.beforeApplicationShutdown()).resolves.toBeUndefined();
    });
  });
});
