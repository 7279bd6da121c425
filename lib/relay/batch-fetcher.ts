import type { ResolvedOutboxOptions } from '../config/outbox-options';
import type { FetchedBatch } from '../store/fetch-pending';
import type { LaneClaim } from '../store/lane-fence';
import type { InFlight } from './in-flight';
import type { LaneCursors } from './lane-cursors';
import type { LaneLeases } from './lane-leases';
import type { MonotonicClock } from '../time/monotonic-clock';
import type { RelayStore } from './relay-store';
import type { WaitingEvents } from './waiting-events';

/** A fetch, with the right and the place from which it was made. */
export interface Fetched {
  readonly batch: FetchedBatch;
  readonly claim: LaneClaim;
  readonly heads: ReadonlyMap<number, number>;
  /** How many events it was to find at most. */
  readonly limit: number;
  /** When it was begun, by the relay's clock. */
  readonly fetchedAt: number;
  /** Whether there were more that the bytes of a batch did not allow. */
  readonly isCut: boolean;
  /** Whether that was all that its snapshot had to give, apart from what was passed over. */
  readonly isAll: boolean;
  /** What was known of waiting events when it was made. */
  readonly knowledge: number;
  /** To be called when all of it is settled, or was thrown away: it is in flight from when its claim was made. */
  readonly ended: () => void;
}

/** After so long without a fetch, to begin anew is cheaper than to look for what has come late since. */
const OLDEST_SNAPSHOT_MS = 30_000;

/** Fetches the next batch of the lanes that are owned. */
export class BatchFetcher {
  private fetchedAt = -Infinity;
  private rows: number;

  constructor(
    private readonly store: RelayStore,
    private readonly leases: LaneLeases,
    private readonly cursors: LaneCursors,
    private readonly waiting: WaitingEvents,
    private readonly inFlight: InFlight,
    private readonly options: Pick<ResolvedOutboxOptions, 'batchSize' | 'maxBatchBytes'>,
    private readonly clock: MonotonicClock,
  ) {
    this.rows = options.batchSize;
  }

  /** Before a first fetch. */
  begin(): void {
    if (this.clock() - this.fetchedAt > OLDEST_SNAPSHOT_MS) {
      this.cursors.reset();
    }
  }

  async fetch(most: number): Promise<Fetched> {
    const ended = this.inFlight.begin();
    try {
      const claim = this.leases.claim(this.leases.lanes);
      const { knowledge, passOver, lookDue } = this.waiting;
      const position = this.cursors.position(claim);
      const fetchedAt = this.clock();
      this.fetchedAt = fetchedAt;
      const limit = Math.min(most, this.rows);
      const batch = await this.store.fetch({
        ...position,
        passOver,
        lookForWaiting: lookDue,
        limit,
        maxBytes: this.options.maxBatchBytes,
      });
      const isCut = isCutByBytes(batch, limit);
      this.adapt(batch.events.length, isCut);
      const isAll = !isCut && batch.events.length < limit && hasRoom(batch, position.perLane);
      return { batch, claim, heads: position.heads, limit, fetchedAt, isCut, isAll, knowledge, ended };
    } catch (error) {
      ended();
      throw error;
    }
  }

  /**
   * PostgreSQL must unpack a compressed payload to know its size. Where a batch is cut by its bytes, that was done in vain for all that the cut left out
   * (of 300 events of a megabyte that packs well 8 have room), so no more than twice of what had room is asked for next time.
   */
  private adapt(number: number, isCut: boolean): void {
    if (isCut) {
      this.rows = Math.max(1, number * 2);
    } else if (number > 0) {
      this.rows = Math.min(this.options.batchSize, this.rows * 2);
    }
  }
}

function isCutByBytes({ events, found, lateFound }: FetchedBatch, limit: number): boolean {
  const offered = [...found.values()].reduce((sum, number) => sum + number, lateFound);
  return events.length < Math.min(limit, offered);
}

/** Whether each lane had fewer to offer than it was allowed. */
function hasRoom({ found }: FetchedBatch, perLane: number): boolean {
  return [...found.values()].every((number) => number < perLane);
}

/** What was fetched for nothing: it is found again. Waits for a fetch that is under way, whose failure does not matter any more. */
export async function throwAway(ahead: Promise<Fetched> | undefined): Promise<void> {
  await ahead?.then(
    ({ ended }) => ended(),
    () => undefined,
  );
}
