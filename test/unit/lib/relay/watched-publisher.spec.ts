import type { OutboxMessage, PublishContext, PublishResult } from '../../../../lib/interfaces/outbox-publisher';
import { WatchedPublisher } from '../../../../lib/relay/watched-publisher';
import { aMessage } from '../support/a-message';

describe('a watched publisher', () => {
  let publish: jest.Mock<Promise<PublishResult>, [readonly OutboxMessage[], PublishContext]>;
  let answer: (result: PublishResult) => void;
  let report: { publisherHangs: jest.Mock; publisherInTime: jest.Mock };
  let watched: WatchedPublisher;

  beforeEach(() => {
    jest.useFakeTimers();
    publish = jest.fn((_batch, _context) => new Promise((resolve) => (answer = resolve)));
    report = { publisherHangs: jest.fn(), publisherInTime: jest.fn() };
    watched = new WatchedPublisher({ publish }, 30, report);
  });
  afterEach(() => jest.useRealTimers());

  const batch = [aMessage('a')];
  const context: PublishContext = { mayContinue: () => true };
  const result: PublishResult = { outcomes: [{ status: 'published' }] };

  it('sends as it does, and leaves no timer', async () => {
    const sending = watched.publish(batch, context);
    await jest.advanceTimersByTimeAsync(29_999);
    expect(watched.isHanging).toBe(false);
    answer(result);
    await expect(sending).resolves.toBe(result);
    expect(publish.mock.calls).toEqual([[batch, context]]);
    expect([report.publisherHangs.mock.calls, report.publisherInTime.mock.calls]).toEqual([[], [[]]]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('hangs when a send has taken as long as a lease, until that send ends', async () => {
    const sending = watched.publish(batch, context);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(watched.isHanging).toBe(true);
    expect(report.publisherHangs.mock.calls).toEqual([[30]]);
    answer(result);
    await expect(sending).resolves.toBe(result);
    expect(watched.isHanging).toBe(false);
    expect(report.publisherInTime).not.toHaveBeenCalled();
  });

  it('does not hang because several sends have taken that long together', async () => {
    for (let n = 0; n < 3; n++) {
      const sending = watched.publish(batch, context);
      await jest.advanceTimersByTimeAsync(20_000);
      answer(result);
      await sending;
    }
    expect(report.publisherHangs).not.toHaveBeenCalled();
  });

  it('fails as it does, and does not hang then', async () => {
    publish.mockRejectedValueOnce(new TypeError('a programming error'));
    await expect(watched.publish(batch, context)).rejects.toThrow('a programming error');
    expect([watched.isHanging, jest.getTimerCount()]).toEqual([false, 0]);
  });
});
