import { TableReadings } from '../../../../lib/observe/table-readings';
import type { TableReading } from '../../../../lib/store/read-gauges';
import { ManualClock } from '../support/manual-clock';

const READING: TableReading = {
  pending: 1,
  failing: 0,
  delayed: 0,
  oldestPendingSeconds: 2,
  heldKeys: 0,
  deadLetters: 0,
  inboxDeadLetters: 0,
  leasedLanes: 64,
  livingRelays: 1,
};

describe('the readings of the table', () => {
  let clock: ManualClock;
  let read: jest.Mock<Promise<TableReading>, []>;
  let readings: TableReadings;

  beforeEach(() => {
    clock = new ManualClock();
    read = jest.fn(() => Promise.resolve(READING));
    readings = new TableReadings(read, clock.read);
  });
  afterEach(() => jest.useRealTimers());

  it('are shared by all who ask at a time, and kept for a second', async () => {
    await Promise.all([readings.read(), readings.read()]);
    clock.advance(999);
    await expect(readings.read()).resolves.toEqual({ ...READING, oldestPendingSeconds: 2.999 });
    expect(read).toHaveBeenCalledTimes(1);
    clock.advance(1);
    await readings.read();
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('are kept for ten times as long as one takes, so that a large backlog is not read all the time', async () => {
    read.mockImplementationOnce(() => {
      clock.advance(700);
      return Promise.resolve(READING);
    });
    await readings.read();
    clock.advance(6999);
    await readings.read();
    expect(read).toHaveBeenCalledTimes(1);
    clock.advance(1);
    await readings.read();
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('are kept for half a minute at most, however long one takes', async () => {
    read.mockImplementationOnce(() => {
      clock.advance(14_000);
      return Promise.resolve(READING);
    });
    await readings.read();
    clock.advance(29_999);
    await readings.read();
    expect(read).toHaveBeenCalledTimes(1);
    clock.advance(1);
    await readings.read();
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('fail where the database does, for as long as a reading would be kept, and are tried again then', async () => {
    read.mockRejectedValueOnce(new Error('no database'));
    await expect(readings.read()).rejects.toThrow('no database');
    clock.advance(999);
    await expect(readings.read()).rejects.toThrow('no database');
    expect(read).toHaveBeenCalledTimes(1);
    clock.advance(1);
    await expect(readings.read()).resolves.toBe(READING);
  });

  it('are the last one for up to a minute where the next one takes too long, with what is due for longer by now', async () => {
    jest.useFakeTimers();
    await readings.read();
    read.mockReturnValue(new Promise(() => undefined));
    const late = async (afterMs: number): Promise<unknown> => {
      clock.advance(afterMs);
      const asked = readings.read().catch((error: unknown) => (error as Error).message);
      await jest.advanceTimersByTimeAsync(3000);
      return asked;
    };
    await expect(late(60_000)).resolves.toEqual({ ...READING, oldestPendingSeconds: 62 });
    await expect(late(1)).resolves.toBe('the database has not answered within 3 s');
  });

  it('are not waited for beyond 3 s, and no second one is begun meanwhile', async () => {
    jest.useFakeTimers();
    read.mockReturnValue(new Promise(() => undefined));
    const asked = [readings.read(), readings.read()].map((reading) =>
      reading.catch((error: unknown) => (error as Error).message),
    );
    await jest.advanceTimersByTimeAsync(3000);
    await expect(Promise.all(asked)).resolves.toEqual(
      Array.from({ length: 2 }, () => 'the database has not answered within 3 s'),
    );
    expect(read).toHaveBeenCalledTimes(1);
  });
});
