import { laneOf } from '../store/ordering-key';
import type { MonotonicClock } from './monotonic-clock';

/** The keys of which an event was refused and waits for its retry: later events of the key wait with it. */
export class HeldKeys {
  private readonly dueAt = new Map<string, number>();

  constructor(private readonly clock: MonotonicClock) {}

  hold(key: string, seconds: number): void {
    this.dueAt.set(key, this.clock() + seconds * 1000);
  }

  /** The keys that are not due yet. */
  current(): string[] {
    const now = this.clock();
    for (const [key, due] of this.dueAt) {
      if (due <= now) {
        this.dueAt.delete(key);
      }
    }
    return [...this.dueAt.keys()];
  }

  /** Milliseconds until the first key is due; undefined if none is held. */
  get nextDueMs(): number | undefined {
    let first = Infinity;
    for (const due of this.dueAt.values()) {
      first = Math.min(first, due);
    }
    return first === Infinity ? undefined : Math.max(0, first - this.clock());
  }

  /** Forgets the keys of a lane that is no longer owned. */
  forgetLane(lane: number): void {
    for (const key of this.dueAt.keys()) {
      if (laneOf(key) === lane) {
        this.dueAt.delete(key);
      }
    }
  }
}
