import type { Logger } from '@nestjs/common';

const UNDEFINED_TABLE = '42P01';

/** Tells the log of changes of state, once each, and not of every failed try. */
export class RelayReport {
  private publisherAway = false;
  private publisherHanging = false;
  private failing = false;
  private polling = false;

  constructor(private readonly logger: Logger) {}

  publisherUnavailable(reason: string): void {
    if (!this.publisherAway) {
      this.publisherAway = true;
      this.logger.warn(
        `The broker cannot be reached (${reason}). Events wait in the table; delivery resumes by itself.`,
      );
    }
  }

  publisherReached(): void {
    if (this.publisherAway) {
      this.publisherAway = false;
      this.logger.log('The broker is reached again; delivering what has waited.');
    }
  }

  publisherHangs(seconds: number): void {
    if (!this.publisherHanging) {
      this.publisherHanging = true;
      this.logger.warn(
        `The publisher has not answered for ${seconds} s (leaseSeconds), so the relay leaves its share of the events to others, which send what is ` +
          'under way again. Bound the time that publish() may take, well below that.',
      );
    }
  }

  publisherInTime(): void {
    if (this.publisherHanging) {
      this.publisherHanging = false;
      this.logger.log('The publisher answers in time again.');
    }
  }

  pollsOnly(reason: string): void {
    if (!this.polling) {
      this.polling = true;
      this.logger.log(
        `The relay polls only: ${reason}. Events of other processes wait for the poll, and a relay that was killed is replaced when its lease is over.`,
      );
    }
  }

  deliveryFailed(error: unknown): void {
    if (!this.failing) {
      this.failing = true;
      this.logger.warn(`Delivery is interrupted: ${explained(error)}. It resumes by itself.`);
    }
  }

  databaseReached(): void {
    if (this.failing) {
      this.failing = false;
      this.logger.log('Delivery goes on after the interruption.');
    }
  }
}

function explained(error: unknown): string {
  const { code } = ((error as { driverError?: unknown }).driverError ?? error) as { code?: unknown };
  const message = error instanceof Error && error.message !== '' ? error.message : String(code ?? error);
  return code === UNDEFINED_TABLE
    ? `a table of the outbox does not exist (${message}); run the migration from "nestjs-outboxed/migrations", or use synchronize: true`
    : message;
}
