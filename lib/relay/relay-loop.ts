import { pauseMs, type Random } from './backoff';
import type { DeliveryLimits, DeliveryResult } from './delivery-result';
import type { RelayReport } from './relay-report';

/** What a timer of Node can take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What the loop runs: delivers until nothing is left, or until `mayGoOn` says no. */
export type Deliver = (limits: Required<Omit<DeliveryLimits, 'events'>>) => Promise<DeliveryResult>;

/**
 * Delivers whenever there may be something to do; pauses while broker or database are away. A wake-up is only a hint: one that comes during
 * a delivery makes another one follow, unless the delivery has taken it to look further itself, so none is lost.
 */
export class RelayLoop {
  private woken = false;
  private stopped = false;
  private failures = 0;
  private active = false;
  private running: Promise<void> = Promise.resolve();
  private pause: NodeJS.Timeout | undefined;
  private alarm: NodeJS.Timeout | undefined;

  constructor(
    private readonly deliver: Deliver,
    private readonly report: RelayReport,
    private readonly random: Random,
    /** Milliseconds until something is due by its time; Infinity if nothing is known to be. */
    private readonly nextDueMs: () => number,
  ) {}

  wake(): void {
    this.woken = true;
    if (this.active || this.pause !== undefined || this.stopped) {
      return;
    }
    // Set before the first delivery, which may itself wake the loop.
    this.active = true;
    this.running = this.run().finally(() => {
      this.active = false;
      // A wake-up may have come after the last look at `woken`.
      if (this.woken) {
        this.wake();
      }
    });
  }

  /** Ends when what is in flight is settled. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.pause);
    this.pause = undefined;
    clearTimeout(this.alarm);
    await this.running;
    clearTimeout(this.alarm);
  }

  private async run(): Promise<void> {
    clearTimeout(this.alarm);
    while (!this.stopped && this.takeWakeUp()) {
      const pause = await this.once();
      if (pause !== undefined && !this.stopped) {
        this.woken = true;
        this.pauseFor(pause);
        return;
      }
    }
    this.setAlarm();
  }

  /** A retry is due by its own time, not by the poll's. */
  private setAlarm(): void {
    const due = this.nextDueMs();
    if (due !== Infinity && !this.stopped) {
      this.alarm = setTimeout(() => this.wake(), Math.min(Math.max(0, Math.ceil(due)), LONGEST_TIMER_MS));
    }
  }

  /** How long to pause after it, if at all. */
  private async once(): Promise<number | undefined> {
    try {
      const { ended, published, retried, dead } = await this.deliver({
        mayGoOn: () => !this.stopped,
        takeWakeUp: () => this.takeWakeUp(),
      });
      this.report.databaseReached();
      if (published + retried + dead > 0) {
        this.failures = 0;
      }
      if (typeof ended === 'object') {
        this.report.publisherUnavailable(ended.unavailable);
        return pauseMs(++this.failures, this.random);
      }
      this.failures = 0;
      return undefined;
    } catch (error) {
      // What fails after the application was told to close does not resume by itself: it waits in the table for the next start.
      if (!this.stopped) {
        this.report.deliveryFailed(error);
      }
      return pauseMs(++this.failures, this.random);
    }
  }

  /** Who takes it looks for what it was about. */
  private takeWakeUp(): boolean {
    const { woken } = this;
    this.woken = false;
    return woken;
  }

  private pauseFor(milliseconds: number): void {
    this.pause = setTimeout(() => {
      this.pause = undefined;
      this.wake();
    }, milliseconds);
  }
}
