import { HeldKeys } from '../../../../lib/relay/held-keys';
import { laneOf } from '../../../../lib/store/ordering-key';
import { ManualClock } from '../support/manual-clock';

describe('held keys', () => {
  let clock: ManualClock;
  let held: HeldKeys;
  beforeEach(() => {
    clock = new ManualClock();
    held = new HeldKeys(clock.read);
  });

  it('are none at first', () => {
    expect(held.current()).toEqual([]);
  });

  it('are held until they are due', () => {
    held.hold('a', 1.5);
    clock.advance(1499);
    expect(held.current()).toEqual(['a']);
    clock.advance(1);
    expect(held.current()).toEqual([]);
  });

  it('are due each at its own time', () => {
    held.hold('a', 2);
    held.hold('b', 1);
    held.hold('c', 3);
    clock.advance(1000);
    expect(held.current()).toEqual(['a', 'c']);
    clock.advance(1000);
    expect(held.current()).toEqual(['c']);
  });

  it('are not held where the time is up already', () => {
    held.hold('a', 0);
    expect(held.current()).toEqual([]);
  });

  it('are held by the last word about them, once', () => {
    held.hold('a', 1);
    held.hold('a', 5);
    clock.advance(4999);
    expect(held.current()).toEqual(['a']);
    clock.advance(1);
    expect(held.current()).toEqual([]);
  });

  it('can be held again after they were due', () => {
    held.hold('a', 1);
    clock.advance(1000);
    expect(held.current()).toEqual([]);
    held.hold('a', 1);
    expect(held.current()).toEqual(['a']);
  });

  describe('are next due', () => {
    it('never, where none is held', () => {
      expect(held.nextDueMs).toBeUndefined();
    });

    it('at the earliest of their times, which comes nearer', () => {
      held.hold('a', 5);
      held.hold('b', 1.5);
      held.hold('c', 3);
      expect(held.nextDueMs).toBe(1500);
      clock.advance(400);
      expect(held.nextDueMs).toBe(1100);
    });

    it('at once, where one has become due that was not asked for since', () => {
      held.hold('a', 1);
      held.hold('b', 60);
      clock.advance(5000);
      expect(held.nextDueMs).toBe(0);
    });

    it('at the time of the next one, once those that were due were asked for', () => {
      held.hold('a', 1);
      held.hold('b', 60);
      clock.advance(5000);
      held.current();
      expect(held.nextDueMs).toBe(55_000);
    });

    it('never again, where the last one is due or its lane is forgotten', () => {
      held.hold('a', 1);
      clock.advance(1000);
      held.current();
      expect(held.nextDueMs).toBeUndefined();
      held.hold('b', 1);
      held.forgetLane(laneOf('b'));
      expect(held.nextDueMs).toBeUndefined();
    });

    it('also where very many are held', () => {
      for (let key = 0; key < 300_000; key++) {
        held.hold(`${key}`, 60 + key);
      }
      expect(held.nextDueMs).toBe(60_000);
    });
  });

  it('are forgotten with their lane, and only they', () => {
    const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`);
    keys.forEach((key) => held.hold(key, 60));
    held.forgetLane(7);
    expect(keys.some((key) => laneOf(key) === 7)).toBe(true);
    expect(held.current()).toEqual(keys.filter((key) => laneOf(key) !== 7));
  });
});
