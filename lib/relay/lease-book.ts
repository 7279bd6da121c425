import type { OwnedLane } from '../store/lane-fence';
import { bitsOfLanes } from '../store/ordering-key';

/** A lease as its owner has it in mind. */
export interface Lease {
  readonly epoch: string;
  /** Until when it may be relied on, by this side's clock. */
  readonly until: number;
  /** It is being given back: nothing more is fetched, but what was fetched may be settled. */
  readonly leaving: boolean;
}

export type Leases = ReadonlyMap<number, Lease>;

/** What a relay knows of its leases. */
export class LeaseBook {
  /** The lanes that are not being given back, in order. */
  lanes: readonly number[] = [];
  /** The same as a number with a bit for each. */
  bits = 0n;
  /** Until when all leases may be relied on. */
  reliableUntil = -Infinity;
  private current: Leases = new Map();

  get leases(): Leases {
    return this.current;
  }

  set leases(leases: Leases) {
    this.current = leases;
    this.lanes = [...leases].flatMap(([lane, { leaving }]) => (leaving ? [] : [lane])).sort((a, b) => a - b);
    this.bits = bitsOfLanes(this.lanes);
    this.reliableUntil = Math.min(...[...leases.values()].map(({ until }) => until));
  }

  get leaving(): readonly number[] {
    return [...this.current].flatMap(([lane, { leaving }]) => (leaving ? [lane] : []));
  }

  has({ lane, epoch }: OwnedLane): boolean {
    return this.current.get(lane)?.epoch === epoch;
  }

  /** Marks lanes as being given back. */
  markLeaving(lanes: readonly number[]): void {
    this.leases = new Map(
      [...this.current].map(([lane, lease]) => [lane, lanes.includes(lane) ? { ...lease, leaving: true } : lease]),
    );
  }

  remove(lanes: readonly OwnedLane[]): void {
    const gone = new Set(lanes.filter((lane) => this.has(lane)).map(({ lane }) => lane));
    this.leases = new Map([...this.current].filter(([lane]) => !gone.has(lane)));
  }

  owned(lanes: Iterable<number>): OwnedLane[] {
    return [...new Set(lanes)].flatMap((lane) => {
      const lease = this.current.get(lane);
      return lease === undefined ? [] : [{ lane, epoch: lease.epoch }];
    });
  }
}

/** The lanes of `these` that `those` do not have in the same epoch. */
export function othersThan(those: Leases, these: Leases): number[] {
  return [...these].flatMap(([lane, { epoch }]) => (those.get(lane)?.epoch === epoch ? [] : [lane]));
}
