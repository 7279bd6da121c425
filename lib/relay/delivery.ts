import type { ResolvedOutboxOptions } from '../config/outbox-options';
import type { FetchedBatch } from '../store/fetch-pending';
import type { LaneClaim } from '../store/lane-fence';
import type { BatchSender, Sent } from './batch-sender';
import type { DeliveryCounts, DeliveryLimits, DeliveryResult } from './delivery-result';
import type { DueWork } from './due-work';
import { InFlight } from './in-flight';
import type { LaneCursors } from './lane-cursors';
import type { LaneLeases } from './lane-leases';
import type { MonotonicClock } from './monotonic-clock';
import type { RelayStore } from './relay-store';
import type { WaitingEvents } from './waiting-events';

/** A fetch, with the right and the place from which it was made. */
interface Fetched {
  readonly batch: FetchedBatch;
  readonly claim: LaneClaim;
  readonly heads: ReadonlyMap<number, number>;
}

/** What delivers, and how far. */
interface Run {
  readonly limits: DeliveryLimits;
  readonly counts: DeliveryCounts;
  /** How many events may still be taken up. */
  left: number;
}

/** After so long without a fetch, to begin anew is cheaper than to look for what has come late since. */
const OLDEST_SNAPSHOT_MS = 30_000;

/**
 * Delivers what is pending, as a pipeline: while a batch is being sent, the next one is being fetched and the last one settled. One
 * send is in flight at a time, one fetched batch waits at most, and no transaction is open while the broker is being talked to.
 *
 * As soon as an event of a batch is not delivered, what was fetched beyond it is thrown away, the outcomes are recorded, and the next fetch sees in
 * the table which keys are held. So there is nothing to remember about keys, whatever fails.
 */
export class Delivery {
  private readonly inFlight = new InFlight();
  private turn: Promise<unknown> = Promise.resolve();
  private leasesDoubtful = false;
  private fetchedAt = -Infinity;

  constructor(
    private readonly store: RelayStore,
    private readonly sender: BatchSender,
    private readonly dueWork: DueWork,
    private readonly leases: LaneLeases,
    private readonly cursors: LaneCursors,
    private readonly waiting: WaitingEvents,
    private readonly options: Pick<ResolvedOutboxOptions, 'batchSize' | 'maxBatchBytes'>,
    private readonly clock: MonotonicClock,
  ) {}

  /** Delivers until nothing is left to do now, or a limit is reached, or the broker is away. One at a time; a second one waits. */
  run(limits: DeliveryLimits): Promise<DeliveryResult> {
    const result = this.turn.then(() => this.deliver(limits));
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Waits until everything that is being sent at this moment has been settled. */
  settled(): Promise<void> {
    return this.inFlight.settled();
  }

  private async deliver(limits: DeliveryLimits): Promise<DeliveryResult> {
    const run: Run = { limits, counts: { published: 0, retried: 0, dead: 0 }, left: limits.events };
    try {
      const ended = (await this.mayBegin()) ? await this.pipeline(run) : 'idle';
      return { ...run.counts, ended };
    } catch (error) {
      // What became of that which was in flight is not known here. The table knows.
      await this.inFlight.settled();
      this.cursors.reset();
      this.waiting.forget();
      throw error;
    }
  }

  private async mayBegin(): Promise<boolean> {
    if (this.leases.keepDue) {
      await this.leases.keep();
    }
    if (this.clock() - this.fetchedAt > OLDEST_SNAPSHOT_MS) {
      this.cursors.reset();
    }
    return this.maySend;
  }

  private get maySend(): boolean {
    return this.leases.maySend && this.leases.lanes.length > 0;
  }

  private async pipeline(run: Run): Promise<DeliveryResult['ended']> {
    let ahead: Promise<Fetched> | undefined;
    let settling = Promise.resolve();
    for (;;) {
      const fetched = await (ahead ?? this.fetch(run));
      ahead = undefined;
      const { events, rewound, waiting } = fetched.batch;
      const hadRoom = this.cursors.advance(fetched.claim, fetched.heads, fetched.batch);
      this.waiting.looked(waiting);
      run.left -= events.length;
      const mustStop = (): boolean => !hadRoom || rewound.length > 0 || this.mustStop(run);
      if (events.length > 0) {
        // With less than half of a batch there is hardly a backlog: better to fetch when this one is sent, and to get more.
        if (events.length * 2 >= this.options.batchSize && !mustStop()) {
          ahead = caught(this.fetch(run));
        }
        const sent = await this.send(fetched, settling, run.counts);
        settling = sent.settling;
        if (sent.unsent.length + sent.rejected.length > 0) {
          await ahead?.catch(() => undefined);
          ahead = undefined;
          await settling;
          this.takeBack(sent);
          if (sent.unavailable !== undefined) {
            return { unavailable: sent.unavailable };
          }
        }
      }
      if (events.length === 0 || mustStop()) {
        await ahead?.catch(() => undefined);
        ahead = undefined;
        await settling;
        const ended = await this.betweenBatches(fetched, run);
        if (ended !== undefined) {
          return ended;
        }
      }
    }
  }

  private mustStop({ limits, left }: Run): boolean {
    return left <= 0 || !limits.mayGoOn() || this.waiting.due || this.leasesDoubtful || !this.maySend;
  }

  private async fetch({ left }: Run): Promise<Fetched> {
    const claim = this.leases.claim(this.leases.lanes);
    const position = this.cursors.position(claim);
    this.fetchedAt = this.clock();
    const batch = await this.store.fetch({
      ...position,
      passOver: this.waiting.passOver,
      lookForWaiting: this.waiting.lookDue,
      limit: Math.min(left, this.options.batchSize),
      maxBytes: this.options.maxBatchBytes,
    });
    return { batch, claim, heads: position.heads };
  }

  /** Sends a batch; `settling` in the result is its settling, which begins when the settling of the batch before has ended. */
  private async send(
    { batch, claim }: Fetched,
    before: Promise<void>,
    counts: DeliveryCounts,
  ): Promise<Sent & { settling: Promise<void> }> {
    const ended = this.inFlight.begin();
    try {
      const sent = await this.sender.send(batch.events, claim);
      await before;
      const settling = caught(
        this.sender
          .record(sent, claim, counts)
          .then((complete) => {
            this.leasesDoubtful ||= !complete;
          })
          .finally(ended),
      );
      return { ...sent, settling };
    } catch (error) {
      ended();
      throw error;
    }
  }

  /** After a failure: what was not sent is still to be fetched, and what was refused waits. */
  private takeBack({ unsent, rejected }: Sent): void {
    for (const { lane, seq } of unsent) {
      this.cursors.rewind(lane, seq);
    }
    for (const { retryInSeconds } of rejected) {
      this.waiting.held(retryInSeconds);
    }
  }

  /** What can be done only while nothing is in flight. Returns how the delivery ends, if it does. */
  private async betweenBatches({ batch, claim }: Fetched, run: Run): Promise<DeliveryResult['ended'] | undefined> {
    let found = batch.events.length > 0;
    if (batch.rewound.length > 0) {
      await this.store.clearRewinds(claim.owner, batch.rewound);
      batch.rewound.forEach((lane) => {
        this.cursors.rewind(lane, 1);
      });
      found = true;
    }
    if (this.leasesDoubtful || this.leases.keepDue) {
      this.leasesDoubtful = false;
      await this.leases.keep();
    }
    if (!this.maySend) {
      return 'idle';
    }
    if (this.waiting.due && run.limits.mayGoOn()) {
      const unavailable = await this.dueWork.run(run.counts);
      if (unavailable !== undefined) {
        return { unavailable };
      }
      found = true;
    }
    if (run.left <= 0 || !run.limits.mayGoOn()) {
      return 'interrupted';
    }
    return found ? undefined : 'idle';
  }
}

/** Its failure is met where it is awaited, which may be later. */
function caught<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}
