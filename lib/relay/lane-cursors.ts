import type { LaneClaim } from '../store/lane-fence';
import type { FetchedBatch, Snapshot } from '../store/fetch-pending';

/** Everything was visible to it: for lanes that are at their beginning, where nothing can be late. */
const NOTHING_MISSED: Snapshot = { xmax: '9223372036854775807', running: [] };

interface Cursor {
  /** What lies at or below was looked at. */
  head: number;
  /** Of the takeover that it belongs to. */
  readonly epoch: string;
}

/**
 * How far each lane was walked. A lane begins at its lowest pending event; it goes back to it when events that were passed over may be delivered.
 * Only the fetches move it that are followed by a send: what a fetch found that was thrown away is found again.
 */
export class LaneCursors {
  private readonly cursors = new Map<number, Cursor>();
  private snapshot = NOTHING_MISSED;
  private perLane = 1;

  constructor(private readonly limit: number) {}

  /** Where the lanes of a claim stand, and what was visible there; lanes that are new, or owned anew, begin. */
  position(claim: LaneClaim): { heads: ReadonlyMap<number, number>; snapshot: Snapshot; perLane: number } {
    const owned = new Set(claim.lanes.map(({ lane }) => lane));
    for (const lane of this.cursors.keys()) {
      if (!owned.has(lane)) {
        this.cursors.delete(lane);
      }
    }
    for (const { lane, epoch } of claim.lanes) {
      if (this.cursors.get(lane)?.epoch !== epoch) {
        this.cursors.set(lane, { head: 0, epoch });
      }
    }
    // An even share at least.
    this.perLane = Math.max(this.perLane, Math.ceil(this.limit / Math.max(1, owned.size)));
    return {
      heads: new Map([...this.cursors].map(([lane, { head }]) => [lane, head])),
      snapshot: this.snapshot,
      perLane: this.perLane,
    };
  }

  /**
   * Whether a fetch cannot be built upon, so that all lanes have to begin anew once nothing is in flight. Either more events were late than fit into a
   * batch: to find the first of them anew for each batch would cost more and more. Or so many have come since the last fetch that to look for late
   * ones among them would cost more than to begin anew. Or the database has forgotten transactions (a failover to
   * a standby that lagged behind, `synchronous_commit = off`): numbers below the heads are given out a second time.
   */
  mustReset(batch: FetchedBatch, limit: number): boolean {
    const hasForgotten = this.snapshot !== NOTHING_MISSED && BigInt(batch.snapshot.xmax) < BigInt(this.snapshot.xmax);
    return hasForgotten || batch.lateUnknown || batch.lateFound > limit;
  }

  /**
   * Moves on to what a fetch has found.
   *
   * @returns whether the batch had room for all late events. If not, the next fetch must wait until these are settled, as it will
   * look for late ones by the same snapshot again.
   */
  advance(claim: LaneClaim, heads: ReadonlyMap<number, number>, batch: FetchedBatch): boolean {
    const taken = new Map<number, { number: number; last: number }>();
    let late = 0;
    for (const { lane, seq } of batch.events) {
      if (seq <= (heads.get(lane) ?? 0)) {
        late++;
      } else {
        const number = (taken.get(lane)?.number ?? 0) + 1;
        taken.set(lane, { number, last: seq });
      }
    }
    if (late < batch.lateFound) {
      return false;
    }
    this.snapshot = batch.snapshot;
    for (const { lane, epoch } of claim.lanes) {
      const cursor = this.cursors.get(lane);
      if (cursor?.epoch === epoch) {
        const { number = 0, last = cursor.head } = taken.get(lane) ?? {};
        // Where the batch had no room for all that the lane had to offer, the rest comes next; else it was walked to its end.
        const complete = number === (batch.found.get(lane) ?? 0);
        cursor.head = complete ? Math.max(last, batch.reached.get(lane) ?? 0) : last;
      }
    }
    this.adapt(batch);
    return true;
  }

  /** Lets the next fetch begin a lane before an event that it has already passed. Nothing of the lane may be in flight. */
  rewind(lane: number, seq: number): void {
    const cursor = this.cursors.get(lane);
    if (cursor !== undefined) {
      cursor.head = Math.min(cursor.head, seq - 1);
    }
  }

  /** Begins all lanes anew. Nothing may be in flight. */
  reset(): void {
    this.cursors.clear();
    this.snapshot = NOTHING_MISSED;
  }

  /**
   * An even share of the batch for each lane wastes nothing while all lanes are full, but one hot key lies in one lane, which would fill a 64th of
   * each batch (1000 events of one key: 64 fetches). So the share follows what the last fetch has found.
   */
  private adapt({ found }: FetchedBatch): void {
    let total = 0;
    let mostOfALane = 0;
    for (const number of found.values()) {
      total += number;
      mostOfALane = Math.max(mostOfALane, number);
    }
    if (total < this.limit && mostOfALane >= this.perLane) {
      this.perLane = Math.min(this.limit, Math.ceil((this.perLane * this.limit) / total));
    } else if (total > 1.5 * this.limit) {
      this.perLane = Math.max(1, Math.ceil((this.perLane * this.limit) / total));
    }
  }
}
