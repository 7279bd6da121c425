import { withTimeLimit } from '../../../../lib/time/time-limit';

describe('work with a time limit', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const later = (milliseconds: number): Promise<string> =>
    new Promise((resolve) => {
      setTimeout(() => resolve('done'), milliseconds);
    });

  it('gives what it gives, and leaves no timer', async () => {
    const limited = withTimeLimit(100, later(99), () => 'late');
    await jest.advanceTimersByTimeAsync(99);
    await expect(limited).resolves.toBe('done');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('fails as it fails, and leaves no timer', async () => {
    await expect(withTimeLimit(100, Promise.reject(new Error('no')), () => 'late')).rejects.toThrow('no');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('gives something else once the limit is over, whatever becomes of the work', async () => {
    const work = later(200).then(() => Promise.reject(new Error('nobody hears this')));
    const limited = withTimeLimit(100, work, () => 'late');
    await jest.advanceTimersByTimeAsync(100);
    await expect(limited).resolves.toBe('late');
    await jest.advanceTimersByTimeAsync(100);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([true, false])('keeps the process, or not (%p)', async (isIdle) => {
    const timeout = jest.spyOn(globalThis, 'setTimeout');
    const limited = withTimeLimit(100, new Promise(() => undefined), () => 'late', isIdle);
    expect((timeout.mock.results[0]?.value as NodeJS.Timeout).hasRef()).toBe(!isIdle);
    await jest.advanceTimersByTimeAsync(100);
    await limited;
  });
});
