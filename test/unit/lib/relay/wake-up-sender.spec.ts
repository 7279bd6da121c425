import { AsyncLocalStorage } from 'node:async_hooks';
import { DataSource } from 'typeorm';
import { WakeUpSender } from '../../../../lib/relay/wake-up-sender';
import { notify } from '../../../../lib/store/notify';
import { OutboxTables } from '../../../../lib/store/outbox-tables';

jest.mock('../../../../lib/store/notify');
const notifying = jest.mocked(notify);

describe('wake-ups for other processes', () => {
  let sender: WakeUpSender;
  const sent = (): string[] => notifying.mock.calls.map(([, , payload]) => payload);
  const milliseconds = (number: number): Promise<void> => jest.advanceTimersByTimeAsync(number);

  beforeEach(() => {
    jest.useFakeTimers();
    jest.resetAllMocks();
    notifying.mockResolvedValue();
    sender = new WakeUpSender(
      Object.create(DataSource.prototype) as DataSource,
      Object.create(OutboxTables.prototype) as OutboxTables,
      'me',
    );
  });
  afterEach(() => jest.useRealTimers());

  it('are sent at once, but not before the commit has given its connection back', async () => {
    sender.events(0b101n);
    expect(sent()).toEqual([]);
    await milliseconds(1);
    expect(sent()).toEqual(['events 5']);
  });

  it('are not sent for no lanes', async () => {
    sender.events(0n);
    await milliseconds(100);
    expect(sent()).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are put together for 10 ms', async () => {
    sender.events(1n);
    await milliseconds(1);
    for (let lane = 1n; lane < 64n; lane++) {
      sender.events(1n << lane);
    }
    await milliseconds(8);
    expect(sent()).toEqual(['events 1']);
    await milliseconds(3);
    expect(sent()).toEqual(['events 1', 'events fffffffffffffffe']);
    await milliseconds(100);
    expect(sent()).toHaveLength(2);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are sent one at a time', async () => {
    let finish = (): void => undefined;
    notifying.mockReturnValueOnce(
      new Promise((resolve) => {
        finish = resolve;
      }),
    );
    sender.events(1n);
    await milliseconds(1);
    sender.events(2n);
    await milliseconds(1000);
    expect(sent()).toEqual(['events 1']);
    finish();
    await milliseconds(11);
    expect(sent()).toEqual(['events 1', 'events 2']);
  });

  it('are sent on after one that failed, and fail nobody', async () => {
    notifying.mockRejectedValueOnce(new Error('no database'));
    sender.events(1n);
    await milliseconds(20);
    sender.events(2n);
    await milliseconds(20);
    notifying.mockRejectedValueOnce(new Error('no database'));
    await expect(sender.shares()).resolves.toBeUndefined();
    expect(sent()).toEqual(['events 1', 'events 2', 'shares me']);
  });

  it('are sent outside of the context of whoever has committed', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    notifying.mockImplementation(() => Promise.resolve(void seen.push(request.getStore())));
    await request.run('a request', async () => {
      sender.events(1n);
      await milliseconds(1);
      sender.events(2n);
      await sender.shares();
    });
    await milliseconds(20);
    expect(seen).toEqual([undefined, undefined, undefined]);
  });

  describe('at the end', () => {
    it('are sent that wait, and none afterwards', async () => {
      sender.events(1n);
      await milliseconds(1);
      sender.events(2n);
      await sender.close();
      sender.events(4n);
      await milliseconds(100);
      expect(sent()).toEqual(['events 1', 'events 2']);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('do not hold it up for long', async () => {
      notifying.mockReturnValue(new Promise(() => undefined));
      sender.events(1n);
      await milliseconds(1);
      let closed = false;
      void sender.close().then(() => {
        closed = true;
      });
      await milliseconds(999);
      expect(closed).toBe(false);
      await milliseconds(1);
      expect(closed).toBe(true);
    });
  });
});
