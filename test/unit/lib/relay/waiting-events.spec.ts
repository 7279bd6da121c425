import { WaitingEvents } from '../../../../lib/relay/waiting-events';
import { ManualClock } from '../support/manual-clock';

describe('what the relay knows of waiting events', () => {
  let clock: ManualClock;
  let waiting: WaitingEvents;

  beforeEach(() => {
    clock = new ManualClock();
    waiting = new WaitingEvents(60, clock.read);
  });

  const look = (due: number | null, held = due !== null): void => waiting.looked({ due, held }, waiting.knowledge);

  describe('at first', () => {
    it('is nothing, so that it has to look, and to pass over what it meets', () => {
      expect([waiting.lookDue, waiting.passOver]).toEqual([true, true]);
    });

    it('does not make anything due', () => {
      expect([waiting.due, waiting.nextDueMs]).toEqual([false, Infinity]);
    });
  });

  describe('after a look', () => {
    it('that found nothing is that nothing has to be passed over', () => {
      look(null);
      expect([waiting.passOver, waiting.due, waiting.nextDueMs]).toEqual([false, false, Infinity]);
    });

    it('that found an event is when it is due', () => {
      look(1.5);
      expect([waiting.passOver, waiting.due, waiting.nextDueMs]).toEqual([true, false, 1500]);
      clock.advance(1499);
      expect([waiting.due, waiting.nextDueMs]).toEqual([false, 1]);
      clock.advance(1);
      expect([waiting.due, waiting.nextDueMs]).toEqual([true, 0]);
    });

    it('that found an event which is due already is that it is', () => {
      look(-3);
      expect([waiting.due, waiting.nextDueMs]).toEqual([true, -3000]);
    });

    it('that found a held key alone is that it has to be passed over, and that nothing is due', () => {
      look(null, true);
      expect([waiting.passOver, waiting.due, waiting.nextDueMs]).toEqual([true, false, Infinity]);
    });

    it('that found less than the one before is less', () => {
      look(1);
      look(null);
      expect([waiting.passOver, waiting.nextDueMs]).toEqual([false, Infinity]);
    });

    it('is what it was where the fetch has not looked', () => {
      look(1);
      clock.advance(500);
      waiting.looked(undefined, waiting.knowledge);
      expect([waiting.passOver, waiting.nextDueMs]).toEqual([true, 500]);
    });

    it('is looked for again after a second, however long the poll takes', () => {
      look(null);
      expect(waiting.lookDue).toBe(false);
      clock.advance(999);
      expect(waiting.lookDue).toBe(false);
      clock.advance(1);
      expect(waiting.lookDue).toBe(true);
    });

    it('is looked for again with each poll, where these are more frequent', () => {
      waiting = new WaitingEvents(0.1, clock.read);
      look(null);
      clock.advance(89);
      expect(waiting.lookDue).toBe(false);
      clock.advance(1);
      expect(waiting.lookDue).toBe(true);
    });
  });

  describe('after a refusal', () => {
    beforeEach(() => look(null));

    it('is that its key is held, and when it is due', () => {
      waiting.held(2);
      expect([waiting.passOver, waiting.nextDueMs]).toEqual([true, 2000]);
    });

    it('is the earliest of several', () => {
      waiting.held(2);
      waiting.held(1);
      waiting.held(3);
      expect(waiting.nextDueMs).toBe(1000);
    });

    it('for good is that its key may be held, and nothing of a time', () => {
      waiting.held(null);
      expect([waiting.passOver, waiting.nextDueMs]).toEqual([true, Infinity]);
    });

    it('for good leaves the time of another', () => {
      waiting.held(2);
      waiting.held(null);
      expect(waiting.nextDueMs).toBe(2000);
    });
  });

  describe('when what was due has been seen to', () => {
    beforeEach(() => look(0));

    it('is nothing: the next fetch looks', () => {
      waiting.seenTo(true);
      expect([waiting.lookDue, waiting.passOver, waiting.due, waiting.nextDueMs]).toEqual([
        true,
        true,
        false,
        Infinity,
      ]);
    });

    it('makes more due at once, where some was delivered', () => {
      waiting.seenTo(true);
      look(-1);
      expect(waiting.due).toBe(true);
    });

    it('makes nothing due at once, where nothing was: it would go round in circles', () => {
      waiting.seenTo(false);
      look(-1);
      expect([waiting.due, waiting.nextDueMs]).toEqual([false, 1000]);
      clock.advance(999);
      expect(waiting.due).toBe(false);
      clock.advance(1);
      expect(waiting.due).toBe(true);
    });

    it('does not wait any longer after a success', () => {
      waiting.seenTo(false);
      waiting.seenTo(true);
      look(-1);
      expect(waiting.due).toBe(true);
    });

    it('does not bring forward what is due later', () => {
      waiting.seenTo(false);
      look(5);
      expect(waiting.nextDueMs).toBe(5000);
    });
  });

  describe('when it is forgotten', () => {
    it('is nothing', () => {
      look(1);
      waiting.forget();
      expect([waiting.lookDue, waiting.passOver, waiting.nextDueMs]).toEqual([true, true, Infinity]);
    });

    it('does not come back with a look that began before: it was made in other lanes', () => {
      const before = waiting.knowledge;
      waiting.forget();
      waiting.looked({ due: null, held: false }, before);
      expect([waiting.lookDue, waiting.passOver]).toEqual([true, true]);
      waiting.looked({ due: null, held: false }, waiting.knowledge);
      expect([waiting.lookDue, waiting.passOver]).toEqual([false, false]);
    });
  });
});
