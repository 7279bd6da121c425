import fc from 'fast-check';
import { pauseMs, retryInSeconds } from '../../../../lib/relay/backoff';

const least = (): number => 0;
/** As near to 1 as Math.random comes. */
const most = (): number => 1 - 2 ** -53;

describe('the pause after failures in a row', () => {
  it.each([
    [1, 250],
    [2, 500],
    [3, 1000],
    [4, 2000],
    [5, 4000],
    [6, 5000],
    [7, 5000],
    [1_000_000, 5000],
  ])('after %d is anything from 0 to %d ms', (failures, longest) => {
    expect(pauseMs(failures, least)).toBe(0);
    expect(pauseMs(failures, most)).toBeCloseTo(longest, 6);
    expect(pauseMs(failures, () => 0.5)).toBe(longest / 2);
  });
});

describe('the time until a refused event is tried again', () => {
  it.each([
    [1, 30],
    [2, 60],
    [3, 120],
    [7, 1920],
    [8, 3600],
    [1000, 3600],
  ])('after %d refusals is half to all of %d s, at an interval of 30 s', (attempts, nominal) => {
    expect(retryInSeconds(attempts, 30, least)).toBe(nominal / 2);
    expect(retryInSeconds(attempts, 30, most)).toBeCloseTo(nominal, 6);
  });

  it('is never shortened by the limit of an hour where the interval itself is longer', () => {
    expect(retryInSeconds(1, 86_400, most)).toBeCloseTo(86_400, 6);
    expect(retryInSeconds(5, 86_400, least)).toBe(43_200);
  });

  it('is finite, and never less than half of the interval', () => {
    const attempts = fc.integer({ min: 1, max: 32_767 });
    const interval = fc.double({ min: 0.01, max: 86_400, noNaN: true });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(attempts, interval, random, (tried, seconds, chance) => {
        const wait = retryInSeconds(tried, seconds, () => chance);
        expect(wait).toBeGreaterThanOrEqual(seconds / 2);
        expect(wait).toBeLessThanOrEqual(Math.max(3600, seconds));
      }),
    );
  });
});
