import type { ResolvedOutboxOptions } from '../config/outbox-options';
import type { BatchSender } from './batch-sender';
import type { DeliveryCounts } from './delivery-result';
import type { MonotonicClock } from '../time/monotonic-clock';
import type { LaneCursors } from './lane-cursors';
import type { LaneLeases } from './lane-leases';
import type { RelayStore } from './relay-store';
import type { WaitingEvents } from './waiting-events';

/** What became of what was due. */
export interface DueResult {
  /** How many events were taken up. */
  readonly taken: number;
  /** Whether all of it could be recorded; if not, a lane was lost. */
  readonly complete: boolean;
  /** Why the broker is away, if it is. */
  readonly unavailable: string | undefined;
}

/**
 * Sees to what is due by its time. It is done while nothing else is in flight: what becomes of a refused event decides over all
 * later ones of its key, and these must not overtake one another meanwhile.
 */
export class DueWork {
  constructor(
    private readonly store: RelayStore,
    private readonly sender: BatchSender,
    private readonly leases: LaneLeases,
    private readonly cursors: LaneCursors,
    private readonly waiting: WaitingEvents,
    private readonly options: Pick<ResolvedOutboxOptions, 'batchSize' | 'maxBatchBytes' | 'afterDeadLetter'>,
    private readonly clock: MonotonicClock,
  ) {}

  /** Takes up at most so many events. */
  async run(counts: DeliveryCounts, most: number): Promise<DueResult> {
    const { lanes } = this.leases;
    const claim = this.leases.claim(lanes);
    const ripened = await this.store.ripen(lanes, this.options.batchSize);
    const fetchedAt = this.clock();
    const retries = await this.store.dueRetries(
      lanes,
      Math.min(most, this.options.batchSize),
      this.options.maxBatchBytes,
    );
    if (retries.length === 0) {
      this.waiting.seenTo(ripened > 0);
      return { taken: 0, complete: true, unavailable: undefined };
    }
    const sent = await this.sender.send(retries, claim);
    const complete = await this.sender.record(sent, claim, counts, fetchedAt);
    this.waiting.seenTo(sent.unsent.length < retries.length || ripened > 0);
    // What waited behind these may lie anywhere below the head.
    for (const { lane } of sent.published) {
      this.cursors.rewind(lane, 1);
    }
    for (const { lane, retryInSeconds } of sent.rejected) {
      if (retryInSeconds === null && this.options.afterDeadLetter === 'continue') {
        this.cursors.rewind(lane, 1);
      }
    }
    return { taken: retries.length, complete, unavailable: sent.unavailable };
  }
}
