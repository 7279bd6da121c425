import type { DeliveryResult } from '../../../../lib/relay/delivery-result';
import { RelayLoop } from '../../../../lib/relay/relay-loop';
import { RelayReport } from '../../../../lib/relay/relay-report';

/** A delivery that the test ends. */
interface Delivery {
  end(result: DeliveryResult): Promise<void>;
  fail(error: Error): Promise<void>;
  /** What it is told when it asks whether it may go on. */
  readonly mayGoOn: () => boolean;
  /** What it is told when it asks whether there was a wake-up. */
  readonly takeWakeUp: () => boolean;
}

const NOTHING = { published: 0, retried: 0, dead: 0 };
const IDLE: DeliveryResult = { ...NOTHING, ended: 'idle' };
const PUBLISHED: DeliveryResult = { ...NOTHING, published: 1, ended: 'idle' };
const INTERRUPTED: DeliveryResult = { ...NOTHING, published: 1, ended: 'interrupted' };
const AWAY: DeliveryResult = { ...NOTHING, ended: { unavailable: 'no broker' } };

describe('the loop of the relay', () => {
  let deliveries: Delivery[];
  let underWay: number;
  let mostUnderWay: number;
  let report: RelayReport;
  let random: number;
  /** What the loop is told when it asks when the next retry is due. */
  let nextDueMs: number;
  let loop: RelayLoop;

  /** Lets everything happen that waits for nothing but its turn. */
  const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0);

  beforeEach(() => {
    jest.useFakeTimers();
    deliveries = [];
    underWay = 0;
    mostUnderWay = 0;
    random = 0.5;
    nextDueMs = Infinity;
    report = new RelayReport(() => undefined);
    loop = new RelayLoop(
      ({ mayGoOn, takeWakeUp }) => {
        mostUnderWay = Math.max(mostUnderWay, ++underWay);
        return new Promise<DeliveryResult>((resolve, reject) => {
          const over = (): Promise<void> => {
            underWay--;
            return settle();
          };
          deliveries.push({
            mayGoOn,
            takeWakeUp,
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
    await Promise.all(deliveries.map((each) => each.end(IDLE)));
    await stopped;
    jest.useRealTimers();
  });

  const delivery = (number: number): Delivery => {
    expect(deliveries.length).toBeGreaterThanOrEqual(number);
    return deliveries[number - 1] as Delivery;
  };

  it('does nothing until it is woken', async () => {
    await jest.advanceTimersByTimeAsync(60_000);
    expect(deliveries).toHaveLength(0);
  });

  it('runs one delivery for one wake-up where there is nothing to do', async () => {
    loop.wake();
    await delivery(1).end(IDLE);
    expect(deliveries).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['has delivered all there was', PUBLISHED],
    ['was interrupted', INTERRUPTED],
  ])('does not deliver again by itself where a delivery %s', async (_what, result) => {
    loop.wake();
    await delivery(1).end(result);
    expect(deliveries).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('can be woken again afterwards', async () => {
    loop.wake();
    await delivery(1).end(IDLE);
    loop.wake();
    await delivery(2).end(IDLE);
    expect(deliveries).toHaveLength(2);
  });

  it('runs one delivery at a time, and one more for any number of wake-ups during it', async () => {
    loop.wake();
    loop.wake();
    loop.wake();
    await settle();
    expect(deliveries).toHaveLength(1);
    await delivery(1).end(IDLE);
    expect(deliveries).toHaveLength(2);
    await delivery(2).end(IDLE);
    expect([deliveries.length, mostUnderWay]).toEqual([2, 1]);
  });

  it('gives a wake-up that comes during a delivery to who asks first: the delivery, which looks by itself, or a next one', async () => {
    loop.wake();
    expect(delivery(1).takeWakeUp()).toBe(false);
    loop.wake();
    expect(delivery(1).takeWakeUp()).toBe(true);
    expect(delivery(1).takeWakeUp()).toBe(false);
    await delivery(1).end(PUBLISHED);
    expect(deliveries).toHaveLength(1);
    loop.wake();
    loop.wake();
    await delivery(2).end(PUBLISHED);
    expect(deliveries).toHaveLength(3);
  });

  it('runs one delivery at a time also where a delivery wakes the loop before its first await', async () => {
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
        return IDLE;
      },
      report,
      () => random,
      () => Infinity,
    );
    eager.wake();
    await settle();
    await eager.stop();
    expect(atOnce).toEqual([1, 1]);
  });

  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'loses no wake-up that comes %d turns after the end of the last delivery',
    async (turns) => {
      loop.wake();
      void delivery(1).end(IDLE);
      for (let turn = 0; turn < turns; turn++) {
        await Promise.resolve();
      }
      loop.wake();
      await settle();
      expect([deliveries.length, mostUnderWay]).toEqual([2, 1]);
      await delivery(2).end(IDLE);
      expect(deliveries).toHaveLength(2);
    },
  );

  describe.each([
    ['the publisher is unavailable', (each: Delivery): Promise<void> => each.end(AWAY)],
    ['a delivery fails', (each: Delivery): Promise<void> => each.fail(new Error('no database'))],
  ])('where %s', (_what, disturb) => {
    it('pauses, then tries again by itself', async () => {
      loop.wake();
      await disturb(delivery(1));
      await jest.advanceTimersByTimeAsync(124);
      expect(deliveries).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(1);
      expect(deliveries).toHaveLength(2);
    });

    it('pauses longer with each failure in a row, by chance, up to a limit', async () => {
      const pauses: number[] = [];
      loop.wake();
      for (let failure = 1; failure <= 9; failure++) {
        random = failure === 3 ? 0.9 : 0.5;
        const before = Date.now();
        await disturb(delivery(failure));
        await jest.advanceTimersToNextTimerAsync();
        pauses.push(Date.now() - before);
      }
      expect(pauses).toEqual([125, 250, 900, 1000, 2000, 2500, 2500, 2500, 2500]);
    });

    it.each([
      ['something', PUBLISHED],
      ['nothing', IDLE],
      ['something, though it was interrupted', INTERRUPTED],
    ])('begins with the short pause again after a delivery that brought %s', async (_what, result) => {
      loop.wake();
      for (let failure = 1; failure <= 5; failure++) {
        await disturb(delivery(failure));
        await jest.advanceTimersToNextTimerAsync();
      }
      loop.wake();
      await delivery(6).end(result);
      await disturb(delivery(7));
      await jest.advanceTimersByTimeAsync(125);
      expect(deliveries).toHaveLength(8);
    });

    it('is not hurried by wake-ups during the pause, and runs once after it', async () => {
      loop.wake();
      await disturb(delivery(1));
      loop.wake();
      await jest.advanceTimersByTimeAsync(100);
      loop.wake();
      expect(deliveries).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(25);
      expect(deliveries).toHaveLength(2);
      await delivery(2).end(IDLE);
      expect(deliveries).toHaveLength(2);
    });

    it('is not woken by the end of the pause once it is stopped', async () => {
      loop.wake();
      await disturb(delivery(1));
      await loop.stop();
      expect(jest.getTimerCount()).toBe(0);
      await jest.advanceTimersByTimeAsync(60_000);
      expect(deliveries).toHaveLength(1);
    });

    it('does not pause where it is being stopped', async () => {
      loop.wake();
      const stopped = loop.stop();
      await disturb(delivery(1));
      await stopped;
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('pauses for no time where chance says so, and still lets other code run', async () => {
    random = 0;
    loop.wake();
    await delivery(1).fail(new Error('no database'));
    await jest.advanceTimersByTimeAsync(1);
    expect(deliveries).toHaveLength(2);
  });

  describe('where a retry is due by its own time', () => {
    it('runs a delivery then, and not before, and no other', async () => {
      nextDueMs = 1500;
      loop.wake();
      await delivery(1).end(IDLE);
      await jest.advanceTimersByTimeAsync(1499);
      expect(deliveries).toHaveLength(1);
      nextDueMs = Infinity;
      await jest.advanceTimersByTimeAsync(1);
      expect(deliveries).toHaveLength(2);
      await delivery(2).end(IDLE);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('runs it not a part of a millisecond too early, when nothing would be due yet', async () => {
      nextDueMs = 10.2;
      loop.wake();
      await delivery(1).end(IDLE);
      await jest.advanceTimersByTimeAsync(10);
      expect(deliveries).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(1);
      expect(deliveries).toHaveLength(2);
    });

    it('asks when it is due only after the last delivery: a delivery may have brought it about', async () => {
      loop.wake();
      loop.wake();
      await delivery(1).end(PUBLISHED);
      expect(jest.getTimerCount()).toBe(0);
      nextDueMs = 700;
      await delivery(2).end(IDLE);
      await jest.advanceTimersByTimeAsync(700);
      expect(deliveries).toHaveLength(3);
    });

    it('goes on with the next one after each', async () => {
      nextDueMs = 1000;
      loop.wake();
      await delivery(1).end(IDLE);
      await jest.advanceTimersByTimeAsync(1000);
      nextDueMs = 300;
      await delivery(2).end(IDLE);
      await jest.advanceTimersByTimeAsync(300);
      expect(deliveries).toHaveLength(3);
    });

    it('has one alarm only, though it is woken before', async () => {
      nextDueMs = 1000;
      loop.wake();
      await delivery(1).end(IDLE);
      await jest.advanceTimersByTimeAsync(600);
      loop.wake();
      // The old alarm must not go off in or after this delivery.
      nextDueMs = 5000;
      await delivery(2).end(IDLE);
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(4999);
      expect(deliveries).toHaveLength(2);
      await jest.advanceTimersByTimeAsync(1);
      expect(deliveries).toHaveLength(3);
    });

    it('has no alarm during a delivery', async () => {
      nextDueMs = 1000;
      loop.wake();
      await delivery(1).end(IDLE);
      loop.wake();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('does not shorten the pause while the broker is away', async () => {
      nextDueMs = 1;
      loop.wake();
      await delivery(1).end(AWAY);
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(124);
      expect(deliveries).toHaveLength(1);
    });

    it('does not take a time that is longer than a timer can be for no time', async () => {
      nextDueMs = 2 ** 31;
      loop.wake();
      await delivery(1).end(IDLE);
      await jest.advanceTimersByTimeAsync(60_000);
      expect(deliveries).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(2 ** 31 - 1 - 60_000);
      expect(deliveries).toHaveLength(2);
    });

    it('does not wait for it where it is stopped', async () => {
      nextDueMs = 1000;
      loop.wake();
      await delivery(1).end(IDLE);
      await loop.stop();
      expect(jest.getTimerCount()).toBe(0);
      await jest.advanceTimersByTimeAsync(5000);
      expect(deliveries).toHaveLength(1);
    });

    it('sets no alarm where it is being stopped', async () => {
      nextDueMs = 1000;
      loop.wake();
      const stopped = loop.stop();
      await delivery(1).end(IDLE);
      await stopped;
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  describe('when it is stopped', () => {
    it('ends at once where no delivery is under way', async () => {
      await expect(loop.stop()).resolves.toBeUndefined();
    });

    it('waits for the delivery that is under way', async () => {
      loop.wake();
      let stopped = false;
      const stopping = loop.stop().then(() => {
        stopped = true;
      });
      await jest.advanceTimersByTimeAsync(5000);
      expect(stopped).toBe(false);
      await delivery(1).end(PUBLISHED);
      await stopping;
      expect(stopped).toBe(true);
    });

    it('tells the delivery that is under way that it may not go on', async () => {
      loop.wake();
      expect(delivery(1).mayGoOn()).toBe(true);
      const stopping = loop.stop();
      expect(delivery(1).mayGoOn()).toBe(false);
      await delivery(1).end(INTERRUPTED);
      await stopping;
    });

    it('runs no further delivery, though there is more to do and it was woken', async () => {
      loop.wake();
      loop.wake();
      const stopping = loop.stop();
      loop.wake();
      await delivery(1).end(PUBLISHED);
      await stopping;
      loop.wake();
      await jest.advanceTimersByTimeAsync(60_000);
      expect(deliveries).toHaveLength(1);
    });

    it('may be stopped twice', async () => {
      loop.wake();
      const both = Promise.all([loop.stop(), loop.stop()]);
      await delivery(1).end(IDLE);
      await expect(both).resolves.toHaveLength(2);
    });
  });

  describe('reports', () => {
    beforeEach(() => {
      for (const event of ['publisherUnavailable', 'publisherReached', 'deliveryFailed', 'databaseReached'] as const) {
        jest.spyOn(report, event);
      }
    });

    it('that the publisher is unavailable, while the database is reached', async () => {
      loop.wake();
      await delivery(1).end(AWAY);
      expect(report.publisherUnavailable).toHaveBeenCalledWith('no broker');
      expect(report.databaseReached).toHaveBeenCalled();
      expect(report.publisherReached).not.toHaveBeenCalled();
    });

    it.each([
      ['something', PUBLISHED],
      ['nothing', IDLE],
    ])(
      'that the database is reached where a delivery brings %s; of the publisher tells who sends',
      async (_what, result) => {
        loop.wake();
        await delivery(1).end(result);
        expect(report.databaseReached).toHaveBeenCalledTimes(1);
        expect(report.publisherReached).not.toHaveBeenCalled();
      },
    );

    it('that a delivery has failed, and why', async () => {
      const error = new Error('no database');
      loop.wake();
      await delivery(1).fail(error);
      expect(report.deliveryFailed).toHaveBeenCalledWith(error);
      expect(report.databaseReached).not.toHaveBeenCalled();
    });
  });
});
