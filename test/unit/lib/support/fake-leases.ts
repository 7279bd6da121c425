import type { LaneLeases } from '../../../../lib/relay/lane-leases';
import type { LaneClaim, OwnedLane } from '../../../../lib/store/lane-fence';

/** Leases that a test sets, in the place of those in the database. */
export class FakeLeases {
  /** Lanes with their epochs. */
  readonly owned = new Map<number, string>();
  /** Those of them that are being given back. */
  readonly leaving = new Set<number>();
  reliable = true;
  keepDue = false;
  readonly keep = jest.fn<Promise<void>, [boolean?]>(() => Promise.resolve());
  readonly release = jest.fn(() => Promise.resolve());

  constructor(lanes: readonly number[]) {
    lanes.forEach((lane) => this.owned.set(lane, '1'));
  }

  get lanes(): readonly number[] {
    return [...this.owned.keys()].filter((lane) => !this.leaving.has(lane));
  }

  get maySend(): boolean {
    return this.reliable && this.owned.size > 0;
  }

  has({ lane, epoch }: OwnedLane): boolean {
    return this.owned.get(lane) === epoch;
  }

  claim(lanes: Iterable<number>): LaneClaim {
    const owned = [...lanes].flatMap((lane) => {
      const epoch = this.owned.get(lane);
      return epoch === undefined ? [] : [{ lane, epoch }];
    });
    return { owner: 'me', lanes: owned };
  }

  /** The fake in the place of the real ones. */
  get asLeases(): LaneLeases {
    return this as unknown as LaneLeases;
  }
}
