import { setImmediate } from 'node:timers/promises';
import type { ResolvedOutboxOptions } from '../config/outbox-options';
import { BatchFetcher, throwAway, type Fetched } from './batch-fetcher';
import type { BatchSender, Sent } from './batch-sender';
import type { DeliveryCounts, DeliveryLimits, DeliveryResult } from './delivery-result';
import type { DueWork } from './due-work';
import { InFlight } from './in-flight';
import type { LaneCursors } from './lane-cursors';
import type { LaneLeases } from './lane-leases';
import type { MonotonicClock } from '../time/monotonic-clock';
import type { RelayStore } from './relay-store';
import type { WaitingEvents } from './waiting-events';

/** What delivers, and how far. */
interface Run {
  readonly limits: DeliveryLimits;
  readonly counts: DeliveryCounts;
  /** How many events may still be taken up. */
  left: number;
}

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
  private readonly fetcher: BatchFetcher;

  constructor(
    private readonly store: RelayStore,
    private readonly sender: BatchSender,
    private readonly dueWork: DueWork,
    private readonly leases: LaneLeases,
    private readonly cursors: LaneCursors,
    private readonly waiting: WaitingEvents,
    private readonly options: Pick<ResolvedOutboxOptions, 'batchSize' | 'maxBatchBytes'>,
    clock: MonotonicClock,
  ) {
    this.fetcher = new BatchFetcher(store, leases, cursors, waiting, this.inFlight, options, clock);
  }

  /** Delivers until nothing is left to do now, or a limit is reached, or the broker is away. One at a time; a second one waits. */
  run(limits: DeliveryLimits): Promise<DeliveryResult> {
    const result = this.turn.then(() => this.deliver(limits));
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Waits until everything that is fetched at this moment, or is being fetched, is settled or thrown away. */
  settled(): Promise<void> {
    return this.inFlight.settled();
  }

  private async deliver(limits: DeliveryLimits): Promise<DeliveryResult> {
    const run: Run = { limits, counts: { published: 0, retried: 0, dead: 0 }, left: limits.events };
    try {
      const ended = limits.mayGoOn() ? await this.begin(run) : 'interrupted';
      if (!this.maySend) {
        // What is due is for others to see to; if it is this relay's again, it looks again.
        this.waiting.forget();
      }
      return { ...run.counts, ended };
    } catch (error) {
      // What became of that which was in flight is not known here. The table knows.
      await this.inFlight.settled();
      this.cursors.reset();
      this.waiting.forget();
      throw error;
    }
  }

  private async begin(run: Run): Promise<DeliveryResult['ended']> {
    if (this.leases.keepDue) {
      await this.leases.keep();
    }
    this.fetcher.begin();
    return this.maySend ? this.pipeline(run) : 'idle';
  }

  private get maySend(): boolean {
    return this.leases.maySend && this.leases.lanes.length > 0;
  }

  private async pipeline(run: Run): Promise<DeliveryResult['ended']> {
    let ahead: Promise<Fetched> | undefined;
    let settling = Promise.resolve();
    try {
      for (;;) {
        const fetched = await (ahead ?? this.fetcher.fetch(run.left));
        ahead = undefined;
        if (this.cursors.mustReset(fetched.batch, fetched.limit)) {
          fetched.ended();
          await settling;
          this.cursors.reset();
          continue;
        }
        const { events, rewinds, waiting } = fetched.batch;
        const hadRoom = this.cursors.advance(fetched.claim, fetched.heads, fetched.batch);
        this.waiting.looked(waiting, fetched.knowledge);
        run.left -= events.length;
        const mustStop = (): boolean => !hadRoom || rewinds.length > 0 || this.mustStop(run);
        let isAll = fetched.isAll;
        if (events.length === 0) {
          fetched.ended();
        } else {
          // With less than half of a batch there is hardly a backlog: better to fetch when this one is sent, and to get more.
          if ((events.length * 2 >= this.options.batchSize || fetched.isCut) && !mustStop()) {
            isAll = false;
            ahead = caught(this.fetcher.fetch(run.left));
            // Lets the statements of this fetch and of the last settling go out: kafkajs encodes a batch in one piece of 40 ms, in which the
            // database can work (1.2 times as fast and more, in each of three rounds).
            await setImmediate();
          }
          const sent = await this.send(fetched, settling, run.counts);
          settling = sent.settling;
          if (sent.unsent.length + sent.rejected.length > 0) {
            isAll = false;
            await throwAway(ahead);
            ahead = undefined;
            await settling;
            this.takeBack(sent);
            if (sent.unavailable !== undefined) {
              return { unavailable: sent.unavailable };
            }
          }
        }
        // After all that there was nothing is looked for: at a calm rate that was every other fetch, and it took the processor while the event was on its
        // way to its consumer. But what was passed over may be free now, and where nobody tells of what is committed, it is looked for.
        const isLast =
          events.length === 0 ||
          (isAll && !this.waiting.passOver && !mustStop() && run.limits.takeWakeUp?.() === false);
        if (isLast || mustStop()) {
          await throwAway(ahead);
          ahead = undefined;
          await settling;
          const ended = await this.betweenBatches(fetched, run, isLast);
          if (ended !== undefined) {
            return ended;
          }
        }
      }
    } finally {
      await throwAway(ahead);
    }
  }

  private mustStop({ limits, left }: Run): boolean {
    return left <= 0 || !limits.mayGoOn() || this.waiting.due || this.leasesDoubtful || !this.maySend;
  }

  /** Sends a batch; `settling` in the result is its settling, which begins when the settling of the batch before has ended. */
  private async send(
    { batch, claim, fetchedAt, ended }: Fetched,
    before: Promise<void>,
    counts: DeliveryCounts,
  ): Promise<Sent & { settling: Promise<void> }> {
    try {
      const sent = await this.sender.send(batch.events, claim);
      await before;
      const settling = caught(
        this.sender
          .record(sent, claim, counts, fetchedAt)
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
  private async betweenBatches(
    { batch, claim, heads }: Fetched,
    run: Run,
    isLast: boolean,
  ): Promise<DeliveryResult['ended'] | undefined> {
    // A walk over what is parked is bounded: what lies behind may be free.
    const hasWalked = [...batch.reached].some(([lane, seq]) => seq > (heads.get(lane) ?? 0));
    let found = !isLast || hasWalked;
    if (batch.rewinds.length > 0) {
      await this.store.deleteRewinds(claim.owner, batch.rewinds);
      batch.rewinds.forEach(({ lane }) => {
        this.cursors.rewind(lane, 1);
      });
      // A retry may be due that was not before, as its key was held.
      this.waiting.forget();
      found = true;
    }
    if (this.leasesDoubtful || this.leases.keepDue) {
      this.leasesDoubtful = false;
      await this.leases.keep();
      // With other lanes all is forgotten.
      found ||= batch.events.length > 0 && this.waiting.passOver;
    }
    if (!this.maySend) {
      return 'idle';
    }
    if (this.waiting.due && run.left > 0 && run.limits.mayGoOn()) {
      const unavailable = await this.seeToDue(run);
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

  private async seeToDue(run: Run): Promise<string | undefined> {
    const ended = this.inFlight.begin();
    try {
      const { taken, complete, unavailable } = await this.dueWork.run(run.counts, run.left);
      run.left -= taken;
      this.leasesDoubtful ||= !complete;
      return unavailable;
    } finally {
      ended();
    }
  }
}

/** Its failure is met where it is awaited, which may be later. */
function caught<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}
