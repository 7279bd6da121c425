import type { OutboxActivity } from '../interfaces/outbox-activity';
import type { MonotonicClock } from '../time/monotonic-clock';

/** What the relay of this process knows of its own state, from what it tells. Times are of the monotonic clock, in milliseconds. */
export class RelayCondition {
  publisherDownSince: number | undefined;
  publisherHangs = false;
  databaseDownSince: number | undefined;
  leaseLostAt: number | undefined;
  silence: (OutboxActivity & { type: 'silent' }) | undefined;
  /** When something was settled last; the start counts as well, as nothing can be late before it. */
  settledAt: number;

  constructor(private readonly clock: MonotonicClock) {
    this.settledAt = clock();
  }

  note(activity: OutboxActivity): void {
    switch (activity.type) {
      case 'published':
      case 'dead':
        this.settledAt = this.clock();
        break;
      case 'publisher-down':
        this.publisherDownSince = this.clock();
        break;
      case 'publisher-up':
        this.publisherDownSince = undefined;
        break;
      case 'publisher-hangs':
        this.publisherHangs = true;
        break;
      case 'publisher-in-time':
        this.publisherHangs = false;
        break;
      case 'delivery-failed':
        this.databaseDownSince = this.clock();
        break;
      case 'delivery-resumed':
        this.databaseDownSince = undefined;
        break;
      case 'lease-lost':
        this.leaseLostAt = this.clock();
        break;
      case 'lease-taken':
        this.leaseLostAt = undefined;
        break;
      case 'silent':
        this.silence = activity;
        break;
      case 'silence-over':
        this.silence = undefined;
        break;
      default:
    }
  }
}
