import { pauseMs, type Random } from './backoff';
import type { CycleResult } from './relay-cycle';
import type { RelayReport } from './relay-report';

/** What a timer of Node can take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs rounds while there is something to do, one at a time; pauses while broker or database are away. A wake-up is only a hint:
 * one that comes during a round makes another round follow, so none is lost.
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
    private readonly round: () => Promise<CycleResult>,
    private readonly report: RelayReport,
    private readonly random: Random,
    /** Milliseconds until something is due by its time; undefined if nothing is. */
    private readonly nextDueMs: () => number | undefined = () => undefined,
  ) {}

  wake(): void {
    this.woken = true;
    if (this.active || this.pause !== undefined || this.stopped) {
      return;
    }
    // Set before the first round, which may itself wake the loop.
    this.active = true;
    this.running = this.run().finally(() => {
      this.active = false;
      // A wake-up may have come after the last look at `woken`.
      if (this.woken) {
        this.wake();
      }
    });
  }

  /** Ends after the round that is under way, which is finished and settled. */
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
    while (this.woken && !this.stopped) {
      this.woken = false;
      const pause = await this.oneRound();
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
    if (due !== undefined && !this.stopped) {
      this.alarm = setTimeout(
        () => {
          this.wake();
        },
        Math.min(Math.ceil(due), LONGEST_TIMER_MS),
      );
    }
  }

  /** How long to pause after it, if at all. */
  private async oneRound(): Promise<number | undefined> {
    try {
      const result = await this.round();
      this.report.databaseReached();
      if (typeof result === 'object') {
        this.report.publisherUnavailable(result.unavailable);
        return pauseMs(++this.failures, this.random);
      }
      if (result === 'progress') {
        this.report.publisherReached();
        this.woken = true;
      }
      this.failures = 0;
      return undefined;
    } catch (error) {
      this.report.roundFailed(error);
      return pauseMs(++this.failures, this.random);
    }
  }

  private pauseFor(milliseconds: number): void {
    this.pause = setTimeout(() => {
      this.pause = undefined;
      this.wake();
    }, milliseconds);
  }
}
