import type { ActivitySink } from '../interfaces/outbox-activity';

const UNDEFINED_TABLE = '42P01';

/** Tells of changes of state once each, and of errors each time. */
export class RelayReport {
  private publisherAway = false;
  private publisherHanging = false;
  private failing = false;
  private polling = false;

  constructor(readonly tell: ActivitySink) {}

  get publisherIsAway(): boolean {
    return this.publisherAway;
  }

  publisherUnavailable(reason: string): void {
    this.tell({ type: 'error', errorType: 'publisher_unavailable', reason });
    if (!this.publisherAway) {
      this.publisherAway = true;
      this.tell({ type: 'publisher-down', reason });
    }
  }

  publisherReached(): void {
    if (this.publisherAway) {
      this.publisherAway = false;
      this.tell({ type: 'publisher-up' });
    }
  }

  publisherHangs(seconds: number): void {
    this.tell({ type: 'error', errorType: 'publisher_hangs', reason: `no answer for ${seconds} s` });
    if (!this.publisherHanging) {
      this.publisherHanging = true;
      this.tell({ type: 'publisher-hangs', seconds });
    }
  }

  publisherInTime(): void {
    if (this.publisherHanging) {
      this.publisherHanging = false;
      this.tell({ type: 'publisher-in-time' });
    }
  }

  pollsOnly(reason: string): void {
    if (!this.polling) {
      this.polling = true;
      this.tell({ type: 'polls-only', reason });
    }
  }

  deliveryFailed(error: unknown): void {
    const reason = explained(error);
    this.tell({ type: 'error', errorType: 'database', reason });
    if (!this.failing) {
      this.failing = true;
      this.tell({ type: 'delivery-failed', reason });
    }
  }

  databaseReached(): void {
    if (this.failing) {
      this.failing = false;
      this.tell({ type: 'delivery-resumed' });
    }
  }

  lanesTaken(lanes: readonly number[]): void {
    this.tell({ type: 'lease-taken', lanes });
  }

  lanesReleased(lanes: readonly number[]): void {
    this.tell({ type: 'lease-released', lanes });
  }

  lanesLost(lanes: readonly number[]): void {
    this.tell({ type: 'error', errorType: 'lease_lost', reason: `${lanes.length} lanes` });
    this.tell({ type: 'lease-lost', lanes });
  }
}

function explained(error: unknown): string {
  const { code } = ((error as { driverError?: unknown }).driverError ?? error) as { code?: unknown };
  const message = error instanceof Error && error.message !== '' ? error.message : String(code ?? error);
  return code === UNDEFINED_TABLE
    ? `a table of the outbox does not exist (${message}); run the migration from "nestjs-outboxed/migrations", or use synchronize: true`
    : message;
}
