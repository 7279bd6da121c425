import fc from 'fast-check';
import { Rfc3339 } from '../../../../lib/time/rfc-3339';

/** The furthest that a Date can be from 1970 (ECMA-262, "Time Values and Time Range"). */
const FURTHEST_MS = 8_640_000_000_000_000;

describe('a time as RFC 3339 has it', () => {
  it('is what a Date would say, whatever was written before', () => {
    const anyTime = fc.integer({ min: -FURTHEST_MS, max: FURTHEST_MS });
    const near = fc.tuple(anyTime, fc.array(fc.integer({ min: -3000, max: 3000 })));
    fc.assert(
      fc.property(near, ([start, steps]) => {
        const times = [start, ...steps.map((step) => start + step)].filter((time) => Math.abs(time) <= FURTHEST_MS);
        const rfc3339 = new Rfc3339();
        expect(times.map((time) => rfc3339.write(time))).toEqual(times.map((time) => new Date(time).toISOString()));
      }),
    );
  });

  it.each([NaN, Infinity, FURTHEST_MS + 1000])('is refused if there is none: %p', (milliseconds) => {
    expect(() => new Rfc3339().write(milliseconds)).toThrow(RangeError);
  });

  it('is still right after one that was refused', () => {
    const rfc3339 = new Rfc3339();
    expect(() => rfc3339.write(NaN)).toThrow(RangeError);
    expect(rfc3339.write(1_767_323_045_678)).toBe('2026-01-02T03:04:05.678Z');
    expect(() => rfc3339.write(NaN)).toThrow(RangeError);
  });
});
