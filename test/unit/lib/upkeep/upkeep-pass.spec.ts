import type { OutboxRetention } from '../../../../lib/config/outbox-options';
import type { ExpiredPage } from '../../../../lib/store/delete-expired';
import { UpkeepPass, type DeletePage, type OutboxUpkeepResult } from '../../../../lib/upkeep/upkeep-pass';
import { ManualClock } from '../support/manual-clock';

const page = (deleted: number, next: string | null = null): ExpiredPage => ({ deleted, next, busy: false });
const BUSY: ExpiredPage = { deleted: 0, next: null, busy: true };
const HOURS: OutboxRetention = { publishedHours: 2, deadLetterDays: null, inboxDays: 14 };
const ALL: OutboxRetention = { ...HOURS, deadLetterDays: 3 };
const NOTHING: OutboxUpkeepResult = { published: 0, deadLetters: 0, inbox: 0, inboxDeadLetters: 0 };

describe('a pass of the upkeep', () => {
  let clock: ManualClock;
  let stopping: AbortController;
  let deletePage: jest.Mock<ReturnType<DeletePage>, Parameters<DeletePage>>;

  beforeEach(() => {
    jest.useFakeTimers();
    clock = new ManualClock();
    stopping = new AbortController();
    deletePage = jest.fn<ReturnType<DeletePage>, Parameters<DeletePage>>().mockResolvedValue(page(0));
  });
  afterEach(() => jest.useRealTimers());

  const aPass = (retention: OutboxRetention): UpkeepPass => new UpkeepPass(deletePage, retention, clock.read);
  const run = (retention = HOURS): Promise<OutboxUpkeepResult> => aPass(retention).run(stopping.signal, true);
  const kinds = (): string[] => deletePage.mock.calls.map(([kept]) => kept);
  /** Where pages of delivered events began. */
  const positions = (): string[] =>
    deletePage.mock.calls.flatMap(([kept, , after]) => (kept === 'published' ? [after] : []));

  /** Each page takes this time. */
  const takes = (milliseconds: number, ...pages: ExpiredPage[]): void => {
    for (const each of pages) {
      deletePage.mockImplementationOnce(() => {
        clock.advance(milliseconds);
        return Promise.resolve(each);
      });
    }
  };

  it('walks delivered events, handled messages and dead letters of both from the beginning, with their times in seconds', async () => {
    await run(ALL);
    expect(deletePage.mock.calls).toEqual([
      ['published', 7200, '0'],
      ['deadLetters', 259_200, '0'],
      ['inbox', 1_209_600, '0'],
      ['inboxDeadLetters', 259_200, '0'],
    ]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves dead letters alone where they are kept for ever', async () => {
    await expect(run(HOURS)).resolves.toEqual(NOTHING);
    expect(kinds()).toEqual(['published', 'inbox']);
  });

  it('cleans up what was kept under an earlier setting, where events are deleted when they are delivered', async () => {
    deletePage.mockResolvedValueOnce(page(7));
    await expect(run({ ...HOURS, publishedHours: 0 })).resolves.toMatchObject({ published: 7 });
    expect(deletePage.mock.calls[0]).toEqual(['published', 0, '0']);
  });

  it('goes from page to page, and adds up what it has deleted', async () => {
    takes(10, page(5, '2000'), page(0, '4000'), page(3), page(1, '9'), page(1));
    takes(10, page(1000, '0'), page(4), page(2, '7'), page(4));
    const running = run(ALL);
    await jest.runAllTimersAsync();
    await expect(running).resolves.toEqual({ published: 8, deadLetters: 2, inbox: 1004, inboxDeadLetters: 6 });
    expect(deletePage.mock.calls.map(([kept, , after]) => [kept, after])).toEqual([
      ['published', '0'],
      ['published', '2000'],
      ['published', '4000'],
      ['deadLetters', '0'],
      ['deadLetters', '9'],
      ['inbox', '0'],
      ['inbox', '0'],
      ['inboxDeadLetters', '0'],
      ['inboxDeadLetters', '7'],
    ]);
  });

  it('rests after each page for as long as the page took', async () => {
    takes(40, page(2000, '2000'));
    takes(7, page(2000, '4000'), page(0));
    const running = run();
    await jest.advanceTimersByTimeAsync(39);
    expect(deletePage).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(deletePage).toHaveBeenCalledTimes(2);
    await jest.advanceTimersByTimeAsync(6);
    expect(deletePage).toHaveBeenCalledTimes(2);
    await jest.advanceTimersByTimeAsync(1);
    expect(positions()).toHaveLength(3);
    await running;
  });

  it('ends at once while it rests, with what it has deleted so far', async () => {
    takes(60_000, page(5, '2000'));
    const running = run(ALL);
    await jest.advanceTimersByTimeAsync(1);
    stopping.abort();
    await expect(running).resolves.toEqual({ ...NOTHING, published: 5 });
    expect(deletePage).toHaveBeenCalledTimes(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends after the page that is being deleted', async () => {
    let finish = (_page: ExpiredPage): void => undefined;
    deletePage.mockReturnValueOnce(new Promise((resolve) => (finish = resolve)));
    let result: OutboxUpkeepResult | undefined;
    const running = run(ALL).then((given) => (result = given));
    stopping.abort();
    await jest.advanceTimersByTimeAsync(0);
    expect(result).toBeUndefined();
    finish(page(5, '2000'));
    await running;
    expect(result).toEqual({ ...NOTHING, published: 5 });
    expect([deletePage.mock.calls.length, jest.getTimerCount()]).toEqual([1, 0]);
  });

  it('does nothing once it is to end', async () => {
    stopping.abort();
    await expect(run(ALL)).resolves.toEqual(NOTHING);
    expect(deletePage).not.toHaveBeenCalled();
  });

  it('fails with the database', async () => {
    const failure = new Error('no database');
    takes(10, page(5, '2000'));
    deletePage.mockRejectedValueOnce(failure);
    const running = run(ALL);
    const failing = expect(running).rejects.toBe(failure);
    await jest.runAllTimersAsync();
    await failing;
    expect(deletePage).toHaveBeenCalledTimes(2);
  });

  describe('after one', () => {
    const later = async (pass: UpkeepPass, isAsked = false): Promise<OutboxUpkeepResult> => {
      const running = pass.run(stopping.signal, isAsked);
      running.catch(() => undefined);
      await jest.runAllTimersAsync();
      return running;
    };

    it('that ended with the table begins at the beginning', async () => {
      const pass = aPass(HOURS);
      takes(0, page(5, '2000'), page(0), page(0));
      await later(pass);
      await later(pass);
      expect(positions()).toEqual(['0', '2000', '0']);
    });

    it('that failed goes on where that has come to', async () => {
      const pass = aPass(HOURS);
      takes(10, page(5, '2000'), page(5, '4000'));
      deletePage.mockRejectedValueOnce(new Error('no database'));
      await expect(later(pass)).rejects.toThrow('no database');
      takes(10, page(3));
      await expect(later(pass)).resolves.toEqual({ ...NOTHING, published: 3 });
      expect(positions()).toEqual(['0', '2000', '4000', '4000']);
    });

    it('that had to give way to another process goes on where that has come to, and at once', async () => {
      const pass = aPass(HOURS);
      takes(10, page(0, '2000'), BUSY, BUSY, page(1));
      await expect(later(pass)).resolves.toEqual(NOTHING);
      await expect(later(pass)).resolves.toEqual({ ...NOTHING, published: 1 });
      expect(positions()).toEqual(['0', '2000', '2000']);
    });

    it('that has walked over pages in vain waits for sixty times as long', async () => {
      const pass = aPass(HOURS);
      takes(1000, page(0, '2000'), page(7, '4000'), page(0));
      await later(pass);
      clock.advance(120_000 - 1);
      await later(pass);
      expect(positions()).toEqual(['0', '2000', '4000']);
      clock.advance(1);
      await later(pass);
      expect(positions()).toEqual(['0', '2000', '4000', '0']);
    });

    it('does not wait where somebody asks for it', async () => {
      const pass = aPass(HOURS);
      takes(1000, page(0));
      await later(pass);
      await later(pass, true);
      expect(positions()).toHaveLength(2);
    });

    it('that was in vain with delivered events does not wait with the others', async () => {
      const pass = aPass(ALL);
      takes(1000, page(0));
      takes(0, page(1));
      await later(pass);
      await later(pass);
      const others = ['deadLetters', 'inbox', 'inboxDeadLetters'];
      expect(kinds()).toEqual(['published', ...others, ...others]);
    });
  });
});
