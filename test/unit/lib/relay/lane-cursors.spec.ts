import { LaneCursors } from '../../../../lib/relay/lane-cursors';
import type { FetchedBatch } from '../../../../lib/store/fetch-pending';
import type { LaneClaim } from '../../../../lib/store/lane-fence';
import { aPendingEvent } from '../support/a-pending-event';

const LIMIT = 100;
const claimOf = (lanes: readonly number[], epoch = '1'): LaneClaim => ({
  owner: 'me',
  lanes: lanes.map((lane) => ({ lane, epoch })),
});
const ALL = Array.from({ length: 64 }, (_, lane) => lane);

/** What a fetch brings: events as [lane, seq], late ones first. */
function batch(events: readonly (readonly [number, number])[], changes: Partial<FetchedBatch> = {}): FetchedBatch {
  const found = new Map<number, number>();
  events.forEach(([lane]) => found.set(lane, (found.get(lane) ?? 0) + 1));
  return {
    events: events.map(([lane, seq]) => aPendingEvent({ lane, seq })),
    snapshot: { xmax: '500', running: ['490'] },
    lateFound: 0,
    lateUnknown: false,
    found,
    reached: new Map(),
    rewinds: [],
    waiting: undefined,
    ...changes,
  };
}

describe('the cursors of lanes', () => {
  let cursors: LaneCursors;
  let claim: LaneClaim;

  beforeEach(() => {
    cursors = new LaneCursors(LIMIT);
    claim = claimOf([1, 2]);
  });

  const heads = (of = claim): Record<number, number> => Object.fromEntries(cursors.position(of).heads);
  /** A fetch from where they stand. */
  const advance = (fetched: FetchedBatch): boolean => cursors.advance(claim, cursors.position(claim).heads, fetched);

  describe('at the beginning', () => {
    it('stand before the lowest event', () => {
      expect(heads()).toEqual({ 1: 0, 2: 0 });
    });

    it('have missed nothing: no transaction number is above that of the snapshot', () => {
      expect(cursors.position(claim).snapshot).toEqual({ xmax: String(2n ** 63n - 1n), running: [] });
    });

    it('give each lane an even share', () => {
      expect(cursors.position(claim).perLane).toBe(50);
      expect(new LaneCursors(LIMIT).position(claimOf(ALL)).perLane).toBe(2);
    });

    it('bear that there is no lane', () => {
      expect(cursors.position(claimOf([]))).toMatchObject({ heads: new Map(), perLane: LIMIT });
    });
  });

  describe('move on', () => {
    it('to the last event that was fetched of each lane', () => {
      expect(advance(batch([[1, 5], [2, 6], [1, 7]]))).toBe(true); // prettier-ignore
      expect(heads()).toEqual({ 1: 7, 2: 6 });
    });

    it('to the snapshot of the fetch', () => {
      advance(batch([[1, 5]]));
      expect(cursors.position(claim).snapshot).toEqual({ xmax: '500', running: ['490'] });
    });

    it('not in lanes that had nothing to offer', () => {
      advance(batch([[1, 5]]));
      advance(batch([[2, 9]]));
      expect(heads()).toEqual({ 1: 5, 2: 9 });
    });

    it('only as far as the batch had room, where a lane had more to offer', () => {
      advance(batch([[1, 5], [2, 6]], { found: new Map([[1, 30], [2, 1]]), reached: new Map([[1, 90], [2, 80]]) })); // prettier-ignore
      expect(heads()).toEqual({ 1: 5, 2: 80 });
    });

    it('not at all in a lane for which the batch had no room', () => {
      advance(batch([[1, 5]], { found: new Map([[1, 1], [2, 3]]), reached: new Map([[2, 80]]) })); // prettier-ignore
      expect(heads()).toEqual({ 1: 5, 2: 0 });
    });

    it('to where the walk has ended, over events that were passed over', () => {
      advance(batch([[1, 5]], { reached: new Map([[1, 5], [2, 20_000]]) })); // prettier-ignore
      expect(heads()).toEqual({ 1: 5, 2: 20_000 });
    });

    it('never back', () => {
      advance(batch([[1, 50]]));
      advance(batch([], { reached: new Map([[1, 20]]) }));
      expect(heads()).toEqual({ 1: 50, 2: 0 });
    });

    it('not by late events, which lie below', () => {
      advance(batch([[1, 50]]));
      expect(advance(batch([[1, 10], [1, 30]], { lateFound: 2, found: new Map() }))).toBe(true); // prettier-ignore
      expect(heads()).toEqual({ 1: 50, 2: 0 });
    });

    it('by what lies above the head in a batch with late ones', () => {
      advance(batch([[1, 50]]));
      expect(advance(batch([[1, 10], [1, 60], [2, 61]], { lateFound: 1, found: new Map([[1, 1], [2, 1]]) }))).toBe(true); // prettier-ignore
      expect(heads()).toEqual({ 1: 60, 2: 61 });
    });

    it('not by a fetch that was thrown away', () => {
      advance(batch([[1, 50]]));
      const { heads: from } = cursors.position(claim);
      cursors.position(claim);
      expect(heads()).toEqual(Object.fromEntries(from));
    });
  });

  describe('where not all late events found room', () => {
    beforeEach(() => {
      advance(batch([[1, 50]]));
    });

    it('say so, and stay where they are with the old snapshot: the next fetch looks for the rest', () => {
      const before = cursors.position(claim);
      expect(advance(batch([[1, 10]], { lateFound: 2, found: new Map([[1, 7]]), snapshot: { xmax: '900', running: [] } }))).toBe(false); // prettier-ignore
      expect(cursors.position(claim)).toEqual(before);
    });

    it('move on with the fetch that brings the last of them', () => {
      advance(batch([[1, 10]], { lateFound: 2, found: new Map() }));
      expect(advance(batch([[1, 20], [1, 60]], { lateFound: 1, found: new Map([[1, 1]]), snapshot: { xmax: '900', running: [] } }))).toBe(true); // prettier-ignore
      expect(heads()).toEqual({ 1: 60, 2: 0 });
      expect(cursors.position(claim).snapshot.xmax).toBe('900');
    });
  });

  describe('go back', () => {
    beforeEach(() => {
      advance(batch([[1, 50], [2, 60]])); // prettier-ignore
    });

    it('to before an event that was not delivered', () => {
      cursors.rewind(1, 40);
      expect(heads()).toEqual({ 1: 39, 2: 60 });
    });

    it('to before the lowest of several', () => {
      [45, 40, 47].forEach((seq) => cursors.rewind(1, seq));
      expect(heads()).toEqual({ 1: 39, 2: 60 });
    });

    it('and not forward', () => {
      cursors.rewind(1, 70);
      expect(heads()).toEqual({ 1: 50, 2: 60 });
    });

    it('not in a lane that is not owned any more', () => {
      cursors.position(claimOf([2]));
      cursors.rewind(1, 1);
      expect(heads(claimOf([2]))).toEqual({ 2: 60 });
    });

    it('in all lanes when they are reset, and have missed nothing then', () => {
      cursors.reset();
      expect(heads()).toEqual({ 1: 0, 2: 0 });
      expect(cursors.position(claim).snapshot).toEqual({ xmax: String(2n ** 63n - 1n), running: [] });
    });
  });

  describe('begin a lane anew', () => {
    beforeEach(() => {
      advance(batch([[1, 50], [2, 60]])); // prettier-ignore
    });

    it('that was lost and taken again: its epoch has grown', () => {
      const next: LaneClaim = { owner: 'me', lanes: [{ lane: 1, epoch: '3' }, { lane: 2, epoch: '1' }] }; // prettier-ignore
      expect(heads(next)).toEqual({ 1: 0, 2: 60 });
    });

    it('that was away for a fetch', () => {
      expect(heads(claimOf([2]))).toEqual({ 2: 60 });
      expect(heads(claimOf([1, 2]))).toEqual({ 1: 0, 2: 60 });
    });

    it('that was taken during a fetch, which does not move it', () => {
      const { heads: from } = cursors.position(claim);
      const next = claimOf([1, 2], '2');
      cursors.position(next);
      cursors.advance(claim, from, batch([[1, 70]]));
      expect(heads(next)).toEqual({ 1: 0, 2: 0 });
    });
  });

  describe('share a batch out', () => {
    beforeEach(() => {
      claim = claimOf(ALL);
    });

    const perLane = (): number => cursors.position(claim).perLane;
    const found = (...numbers: [number, number][]): FetchedBatch => batch([], { found: new Map(numbers) });

    it('with more for each lane, while one of them alone has a backlog', () => {
      const shares = [perLane()];
      for (let fetch = 0; fetch < 3; fetch++) {
        advance(found([7, perLane()]));
        shares.push(perLane());
      }
      expect(shares).toEqual([2, 100, 100, 100]);
    });

    it('with more for each lane by steps, where others have a little', () => {
      advance(found([7, 2], ...ALL.slice(10, 33).map((lane): [number, number] => [lane, 1])));
      expect(perLane()).toBe(8);
    });

    it('with less for each lane, when several have a backlog', () => {
      advance(found([7, 2]));
      advance(found(...ALL.map((lane): [number, number] => [lane, 100])));
      expect(perLane()).toBe(2);
    });

    it('as before, where the lanes fill the batch', () => {
      advance(found([7, 2]));
      advance(found([7, 100], [8, 40]));
      expect(perLane()).toBe(100);
    });

    it('as before, where no lane had as much as it might have had', () => {
      advance(found([7, 1], [8, 1]));
      expect(perLane()).toBe(2);
    });

    it('as before, where there is nothing', () => {
      advance(found());
      expect(perLane()).toBe(2);
    });

    it('with an even share at least, also when lanes are taken away', () => {
      advance(found(...ALL.map((lane): [number, number] => [lane, 2])));
      claim = claimOf(ALL.slice(0, 4));
      expect(perLane()).toBe(25);
    });
  });

  describe('cannot build upon a fetch', () => {
    it('that has found more late events than it could take', () => {
      advance(batch([[1, 5]]));
      expect(cursors.mustReset(batch([[1, 6]], { lateFound: LIMIT }), LIMIT)).toBe(false);
      expect(cursors.mustReset(batch([[1, 6]], { lateFound: LIMIT + 1 }), LIMIT)).toBe(true);
      expect(cursors.mustReset(batch([[1, 6]], { lateUnknown: true }), LIMIT)).toBe(true);
    });

    it('whose database has forgotten transactions that it knew', () => {
      const forgetful = batch([[1, 6]], { snapshot: { xmax: '499', running: [] } });
      expect(cursors.mustReset(forgetful, LIMIT)).toBe(false);
      advance(batch([[1, 5]]));
      expect(cursors.mustReset(forgetful, LIMIT)).toBe(true);
      cursors.reset();
      expect(cursors.mustReset(forgetful, LIMIT)).toBe(false);
    });
  });
});
