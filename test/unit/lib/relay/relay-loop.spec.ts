import { Logger } from '@nestjs/common';
import type { CycleResult } from '../../../../lib/relay/relay-cycle';
import { RelayLoop } from '../../../../lib/relay/relay-loop';
import { RelayReport } from '../../../../lib/relay/relay-report';

/** A round that the test ends. */
interface Round {
  end(result: CycleResult): Promise<void>;
  fail(error: Error): Promise<void>;
}

describe('the loop of the relay', () => {
  let rounds: Round[];
  let underWay: number;
  let mostUnderWay: number;
  let report: RelayReport;
  let random: number;
  /** What the loop is told when it asks when the next retry is due. */
  let nextDueMs: number | undefined;
  let loop: RelayLoop;

  /** Lets everything happen that waits for nothing but its turn. */
  const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0);

  beforeEach(() => {
    jest.useFakeTimers();
    rounds = [];
    underWay = 0;
    mostUnderWay = 0;
    random = 0.5;
    nextDueMs = undefined;
    const logger = new Logger();
    jest.spyOn(logger, 'warn').mockImplementation();
    jest.spyOn(logger, 'log').mockImplementation();
    report = new RelayReport(logger);
    loop = new RelayLoop(
      () => {
        mostUnderWay = Math.max(mostUnderWay, ++underWay);
        return new Promise<CycleResult>((resolve, reject) => {
          const over = (): Promise<void> => {
            underWay--;
            return settle();
          };
          rounds.push({
            end: (result) => {
              resolve(result);
              return over();
            },
            fail: (error) => {
              reject(error);
              return over();
            },
          });
        });
      },
      report,
      () => random,
      () => nextDueMs,
    );
  });
  afterEach(async () => {
    const stopped = loop.stop();
    await Promise.all(rounds.map((round) => round.end('idle')));
    await stopped;
    jest.useRealTimers();
  });

  const round = (number: number): Round => {
    expect(rounds.length).toBeGreaterThanOrEqual(number);
    return rounds[number - 1] as Round;
  };

  it('does nothing until it is woken', async () => {
    await jest.advanceTimersByTimeAsync(60_000);
    expect(rounds).toHaveLength(0);
  });

  it('runs one round for one wake-up where there is nothing to do', async () => {
    loop.wake();
    await round(1).end('idle');
    expect(rounds).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('runs rounds as long as they bring something', async () => {
    loop.wake();
    await round(1).end('progress');
    await round(2).end('progress');
    await round(3).end('idle');
    expect(rounds).toHaveLength(3);
  });

  it('can be woken again afterwards', async () => {
    loop.wake();
    await round(1).end('idle');
    loop.wake();
    await round(2).end('idle');
    expect(rounds).toHaveLength(2);
  });

  it('runs one round at a time, and one more for any number of wake-ups during it', async () => {
    loop.wake();
    loop.wake();
    loop.wake();
    await settle();
    expect(rounds).toHaveLength(1);
    await round(1).end('idle');
    expect(rounds).toHaveLength(2);
    await round(2).end('idle');
    expect([rounds.length, mostUnderWay]).toEqual([2, 1]);
  });

  it('runs one round at a time also where a round wakes the loop before its first await', async () => {
    let running = 0;
    let started = 0;
    const atOnce: number[] = [];
    const eager = new RelayLoop(
      async () => {
        atOnce.push(++running);
        if (++started === 1) {
          eager.wake();
        }
        await Promise.resolve();
        running--;
        return 'idle';
      },
      report,
      () => random,
    );
    eager.wake();
    await settle();
    await eager.stop();
    expect(atOnce).toEqual([1, 1]);
  });

  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'loses no wake-up that comes %d turns after the end of the last round',
    async (turns) => {
      loop.wake();
      void round(1).end('idle');
      for (let turn = 0; turn < turns; turn++) {
        await Promise.resolve();
      }
      loop.wake();
      await settle();
      expect([rounds.length, mostUnderWay]).toEqual([2, 1]);
      await round(2).end('idle');
      expect(rounds).toHaveLength(2);
    },
  );

  describe.each([
    ['the publisher is unavailable', (end: Round): Promise<void> => end.end({ unavailable: 'no broker' })],
    ['a round fails', (end: Round): Promise<void> => end.fail(new Error('no database'))],
  ])('where %s', (_what, disturb) => {
    it('pauses, then tries again by itself', async () => {
      loop.wake();
      await disturb(round(1));
      await jest.advanceTimersByTimeAsync(124);
      expect(rounds).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(1);
      expect(rounds).toHaveLength(2);
    });

    it('pauses longer with each failure in a row, by chance, up to a limit', async () => {
      const pauses: number[] = [];
      loop.wake();
      for (let failure = 1; failure <= 9; failure++) {
        random = failure === 3 ? 0.9 : 0.5;
        const before = Date.now();
        await disturb(round(failure));
        await jest.advanceTimersToNextTimerAsync();
        pauses.push(Date.now() - before);
      }
      expect(pauses).toEqual([125, 250, 900, 1000, 2000, 2500, 2500, 2500, 2500]);
    });

    it.each(['progress', 'idle'] as const)(
      'begins with the short pause again after a round with %s',
      async (result) => {
        loop.wake();
        for (let failure = 1; failure <= 5; failure++) {
          await disturb(round(failure));
          await jest.advanceTimersToNextTimerAsync();
        }
        loop.wake();
        await round(6).end(result);
        await disturb(round(7));
        await jest.advanceTimersByTimeAsync(125);
        expect(rounds).toHaveLength(8);
      },
    );

    it('is not hurried by wake-ups during the pause, and runs once after it', async () => {
      loop.wake();
      await disturb(round(1));
      loop.wake();
      await jest.advanceTimersByTimeAsync(100);
      loop.wake();
      expect(rounds).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(25);
      expect(rounds).toHaveLength(2);
      await round(2).end('idle');
      expect(rounds).toHaveLength(2);
    });

    it('is not woken by the end of the pause once it is stopped', async () => {
      loop.wake();
      await disturb(round(1));
      await loop.stop();
      expect(jest.getTimerCount()).toBe(0);
      await jest.advanceTimersByTimeAsync(60_000);
      expect(rounds).toHaveLength(1);
    });

    it('does not pause where it is being stopped', async () => {
      loop.wake();
      const stopped = loop.stop();
      await disturb(round(1));
      await stopped;
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('pauses for no time where chance says so, and still lets other code run', async () => {
    random = 0;
    loop.wake();
    await round(1).fail(new Error('no database'));
    await jest.advanceTimersByTimeAsync(1);
    expect(rounds).toHaveLength(2);
  });

  describe('where a retry is due by its own time', () => {
    it('runs a round then, and not before, and no other', async () => {
      nextDueMs = 1500;
      loop.wake();
      await round(1).end('idle');
      await jest.advanceTimersByTimeAsync(1499);
      expect(rounds).toHaveLength(1);
      nextDueMs = undefined;
      await jest.advanceTimersByTimeAsync(1);
      expect(rounds).toHaveLength(2);
      await round(2).end('idle');
      expect(jest.getTimerCount()).toBe(0);
    });

    it('runs it not a part of a millisecond too early, when nothing would be due yet', async () => {
      nextDueMs = 10.2;
      loop.wake();
      await round(1).end('idle');
      await jest.advanceTimersByTimeAsync(10);
      expect(rounds).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(1);
      expect(rounds).toHaveLength(2);
    });

    it('asks when it is due only after the last round: a round may have brought it about', async () => {
      loop.wake();
      await round(1).end('progress');
      expect(jest.getTimerCount()).toBe(0);
      nextDueMs = 700;
      await round(2).end('idle');
      await jest.advanceTimersByTimeAsync(700);
      expect(rounds).toHaveLength(3);
    });

    it('goes on with the next one after each', async () => {
      nextDueMs = 1000;
      loop.wake();
      await round(1).end('idle');
      await jest.advanceTimersByTimeAsync(1000);
      nextDueMs = 300;
      await round(2).end('idle');
      await jest.advanceTimersByTimeAsync(300);
      expect(rounds).toHaveLength(3);
    });

    it('has one alarm only, though it is woken before', async () => {
      nextDueMs = 1000;
      loop.wake();
      await round(1).end('idle');
      await jest.advanceTimersByTimeAsync(600);
      loop.wake();
      // The old alarm must not go off in or after this round.
      nextDueMs = 5000;
      await round(2).end('idle');
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(4999);
      expect(rounds).toHaveLength(2);
      await jest.advanceTimersByTimeAsync(1);
      expect(rounds).toHaveLength(3);
    });

    it('has no alarm during a round', async () => {
      nextDueMs = 1000;
      loop.wake();
      await round(1).end('idle');
      loop.wake();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('does not shorten the pause while the broker is away', async () => {
      nextDueMs = 1;
      loop.wake();
      await round(1).end({ unavailable: 'no broker' });
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(124);
      expect(rounds).toHaveLength(1);
    });

    it('does not take a time that is longer than a timer can be for no time', async () => {
      nextDueMs = 2 ** 31;
      loop.wake();
      await round(1).end('idle');
      await jest.advanceTimersByTimeAsync(60_000);
      expect(rounds).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(2 ** 31 - 1 - 60_000);
      expect(rounds).toHaveLength(2);
    });

    it('does not wait for it where it is stopped', async () => {
      nextDueMs = 1000;
      loop.wake();
      await round(1).end('idle');
      await loop.stop();
      expect(jest.getTimerCount()).toBe(0);
      await jest.advanceTimersByTimeAsync(5000);
      expect(rounds).toHaveLength(1);
    });

    it('sets no alarm where it is being stopped', async () => {
      nextDueMs = 1000;
      loop.wake();
      const stopped = loop.stop();
      await round(1).end('idle');
      await stopped;
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  describe('when it is stopped', () => {
    it('ends at once where no round is under way', async () => {
      await expect(loop.stop()).resolves.toBeUndefined();
    });

    it('waits for the round that is under way', async () => {
      loop.wake();
      let stopped = false;
      const stopping = loop.stop().then(() => {
        stopped = true;
      });
      await jest.advanceTimersByTimeAsync(5000);
      expect(stopped).toBe(false);
      await round(1).end('progress');
      await stopping;
      expect(stopped).toBe(true);
    });

    it('runs no further round, though there is more to do and it was woken', async () => {
      loop.wake();
      loop.wake();
      const stopping = loop.stop();
      loop.wake();
      await round(1).end('progress');
      await stopping;
      loop.wake();
      await jest.advanceTimersByTimeAsync(60_000);
      expect(rounds).toHaveLength(1);
    });

    it('may be stopped twice', async () => {
      loop.wake();
      const both = Promise.all([loop.stop(), loop.stop()]);
      await round(1).end('idle');
      await expect(both).resolves.toHaveLength(2);
    });
  });

  describe('reports', () => {
    beforeEach(() => {
      for (const event of ['publisherUnavailable', 'publisherReached', 'roundFailed', 'databaseReached'] as const) {
        jest.spyOn(report, event);
      }
    });

    it('that the publisher is unavailable, while the database is reached', async () => {
      loop.wake();
      await round(1).end({ unavailable: 'no broker' });
      expect(report.publisherUnavailable).toHaveBeenCalledWith('no broker');
      expect(report.databaseReached).toHaveBeenCalled();
      expect(report.publisherReached).not.toHaveBeenCalled();
    });

    it('that both are reached where a round brings something', async () => {
      loop.wake();
      await round(1).end('progress');
      expect(report.publisherReached).toHaveBeenCalledTimes(1);
      expect(report.databaseReached).toHaveBeenCalledTimes(1);
    });

    it('nothing of the publisher where there was nothing to send', async () => {
      loop.wake();
      await round(1).end('idle');
      expect(report.publisherReached).not.toHaveBeenCalled();
      expect(report.databaseReached).toHaveBeenCalledTimes(1);
    });

    it('that a round has failed, and why', async () => {
      const error = new Error('no database');
      loop.wake();
      await round(1).fail(error);
      expect(report.roundFailed).toHaveBeenCalledWith(error);
      expect(report.databaseReached).not.toHaveBeenCalled();
    });
  });
});
