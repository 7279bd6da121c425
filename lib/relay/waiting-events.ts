import type { Waiting } from '../store/fetch-pending';
import type { MonotonicClock } from '../time/monotonic-clock';

/** How often to look for what waits, at most. */
const LONGEST_LOOK_INTERVAL_MS = 1000;

/** What the relay knows of events that wait for a time, and of keys that are held: enough to look for them only when it is worth it. */
export class WaitingEvents {
  private lookedAt = -Infinity;
  private dueAt = Infinity;
  private notBefore = -Infinity;
  private mayWait = true;
  private forgotten = 0;
  private readonly intervalMs: number;

  constructor(
    pollIntervalSeconds: number,
    private readonly clock: MonotonicClock,
  ) {
    this.intervalMs = Math.min(pollIntervalSeconds * 900, LONGEST_LOOK_INTERVAL_MS);
  }

  /** Whether the next fetch should look. */
  get lookDue(): boolean {
    return this.clock() - this.lookedAt >= this.intervalMs;
  }

  /** Whether a fetch may meet events that it must pass over. */
  get passOver(): boolean {
    return this.mayWait;
  }

  /** Whether something is due by its time. */
  get due(): boolean {
    return this.nextDueMs <= 0;
  }

  /** Milliseconds until something is due; Infinity if nothing is known to wait for a time. */
  get nextDueMs(): number {
    return Math.max(this.dueAt, this.notBefore) - this.clock();
  }

  /** Changes when all is forgotten. */
  get knowledge(): number {
    return this.forgotten;
  }

  /**
   * Takes note of what a fetch has found, if it has looked.
   *
   * @param knowledge of the moment when it began: what has been forgotten since can be of lanes in which it has not looked
   */
  looked(waiting: Waiting | undefined, knowledge: number): void {
    if (waiting !== undefined && knowledge === this.forgotten) {
      this.lookedAt = this.clock();
      this.mayWait = waiting.held || waiting.due !== null;
      this.dueAt = waiting.due === null ? Infinity : this.lookedAt + waiting.due * 1000;
    }
  }

  /** An event was refused, and is due in so many seconds; null: it is a dead letter, which may hold its key. */
  held(seconds: number | null): void {
    this.mayWait = true;
    this.dueAt = Math.min(this.dueAt, this.clock() + (seconds ?? Infinity) * 1000);
  }

  /** What was due has been seen to. Without success it is not seen to again at once. */
  seenTo(success: boolean): void {
    this.forget();
    this.notBefore = success ? -Infinity : this.clock() + this.intervalMs;
  }

  /** Nothing is known any more: other lanes are owned, or a failure came between. */
  forget(): void {
    this.forgotten++;
    this.lookedAt = -Infinity;
    this.dueAt = Infinity;
    this.mayWait = true;
  }
}
