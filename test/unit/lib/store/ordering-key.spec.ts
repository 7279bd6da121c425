import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { keyNumber, LANES, laneOf } from '../../../../lib/store/ordering-key';

/**
 * Writers and relays of all versions must agree on these, and rows already stored carry their lane. A change that makes one of these fail
 * breaks every outbox there is: do not adapt the numbers.
 */
const FOR_EVER: readonly (readonly [key: string, number: number, lane: number])[] = [
  ['', -474954686, 2],
  ['abc', -1166534977, 63],
  ['The quick brown fox jumps over the lazy dog', -676791373, 51],
  ['4711', -563802783, 33],
  ['Größe-\u{1F4E6}', 1955504227, 35],
];

describe('the number and the lane of an ordering key', () => {
  it.each(FOR_EVER)('of "%s" are %d and %d for ever', (key, number, lane) => {
    expect(keyNumber(key)).toBe(number);
    expect(laneOf(key)).toBe(lane);
  });

  it('are those of the SHA-256 of the key in UTF-8, whatever characters it has', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (key) => {
        const hash = createHash('sha256').update(Buffer.from(key, 'utf8')).digest('hex').slice(0, 8);
        expect(keyNumber(key) >>> 0).toBe(Number.parseInt(hash, 16));
        expect(laneOf(key)).toBe(Number.parseInt(hash, 16) % 64);
      }),
    );
  });

  it('fit an advisory lock and the table', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(keyNumber(key)).toBe(keyNumber(key) | 0);
        expect(laneOf(key)).toBeGreaterThanOrEqual(0);
        expect(laneOf(key)).toBeLessThan(LANES);
        expect(Number.isInteger(laneOf(key))).toBe(true);
      }),
    );
  });

  it('spread keys over all lanes evenly', () => {
    const perLane = new Map<number, number>();
    for (let order = 0; order < 64_000; order++) {
      const lane = laneOf(`order-${order}`);
      perLane.set(lane, (perLane.get(lane) ?? 0) + 1);
    }
    expect(perLane.size).toBe(64);
    // 1000 expected in each; the standard deviation is about 31.
    expect(Math.min(...perLane.values())).toBeGreaterThan(850);
    expect(Math.max(...perLane.values())).toBeLessThan(1150);
  });
});

describe('the number of lanes', () => {
  it('is 64 for ever', () => {
    expect(LANES).toBe(64);
  });
});
