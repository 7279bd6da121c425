import type { OutboxPublisher } from '../interfaces/outbox-publisher';
import type { LaneClaim } from '../store/lane-fence';
import type { PendingEvent } from '../store/pending-event';
import type { MonotonicClock } from '../time/monotonic-clock';
import type { DeliveryCounts } from './delivery-result';
import type { LaneLeases } from './lane-leases';
import type { RelayReport } from './relay-report';
import type { Recorded, Settlement, Verdict } from './settlement';
import { tellOfBatch, tellOfUnsettled } from './tell-of-batch';
import { toMessage } from './to-message';

export interface Sent extends Verdict {
  /** Set if the relay should pause: the broker is away, or took nothing for no reason. */
  readonly unavailable: string | undefined;
}

/** Sends a batch and records what became of it. */
export class BatchSender {
  constructor(
    private readonly publisher: Pick<OutboxPublisher, 'publish'>,
    private readonly leases: LaneLeases,
    private readonly settlement: Settlement,
    private readonly source: string,
    private readonly report: RelayReport,
    private readonly clock: MonotonicClock,
  ) {}

  /** Sends what may still be sent by the right to the lanes with which it was fetched. */
  async send(fetched: readonly PendingEvent[], claim: LaneClaim): Promise<Sent> {
    const lost = this.lostOf(claim);
    const owned = lost.size === 0 ? fetched : fetched.filter(({ lane }) => !lost.has(lane));
    if (owned.length === 0 || !this.leases.maySend) {
      return { published: [], rejected: [], unsent: fetched, unavailable: undefined };
    }
    const mayContinue = (): boolean => this.leases.maySend && this.lostOf(claim).size === lost.size;
    const messages = owned.map((event) => toMessage(event, this.source));
    const { outcomes, unavailable } = await this.publisher.publish(messages, { mayContinue });
    const verdict = this.settlement.judge(owned, outcomes);
    const took = verdict.published.length + verdict.rejected.length > 0;
    // To refuse something takes a broker, too, unless the publisher says that it is away: then it has refused by itself.
    if (verdict.published.length > 0 || (took && unavailable === undefined)) {
      this.report.publisherReached();
    }
    return {
      ...verdict,
      unsent: lost.size === 0 ? verdict.unsent : [...verdict.unsent, ...fetched.filter(({ lane }) => lost.has(lane))],
      unavailable:
        unavailable ?? (took || !mayContinue() ? undefined : 'the publisher took no event and gave no reason'),
    };
  }

  /**
   * Returns whether all of it could be recorded; if not, a lane was lost, and its new owner delivers again.
   *
   * @param fetchedAt when the fetch of these events was begun
   */
  async record(verdict: Verdict, claim: LaneClaim, counts: DeliveryCounts, fetchedAt: number): Promise<boolean> {
    const { published, rejected, failure } = await this.recorded(verdict, claim);
    const dead = rejected.filter(({ retryInSeconds }) => retryInSeconds === null).length;
    counts.published += published.length;
    counts.retried += rejected.length - dead;
    counts.dead += dead;
    tellOfBatch(this.report.tell, verdict, { published, rejected }, this.clock() - fetchedAt);
    if (failure !== undefined) {
      throw failure;
    }
    this.report.databaseReached();
    return published.length + rejected.length === verdict.published.length + verdict.rejected.length;
  }

  private async recorded(verdict: Verdict, claim: LaneClaim): Promise<Recorded> {
    try {
      return await this.settlement.record(verdict, claim);
    } catch (error) {
      // It may have been recorded all the same; the table knows, and says so to the next fetch.
      tellOfUnsettled(this.report.tell, verdict.published.length);
      throw error;
    }
  }

  /** The lanes of a claim that are no longer owned, or owned anew. */
  private lostOf({ lanes }: LaneClaim): Set<number> {
    return new Set(lanes.filter((owned) => !this.leases.has(owned)).map(({ lane }) => lane));
  }
}
