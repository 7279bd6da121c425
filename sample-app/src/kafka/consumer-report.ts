import { Logger } from '@nestjs/common';

/**
 * Tells the log of changes of state, once each, and not of every failed try. A single failure is no news: a broker that has just
 * started refuses the first try or two.
 */
export class ConsumerReport {
  private readonly logger = new Logger('Shipping');
  private failures = 0;
  private silent = true;

  constructor(
    private readonly topic: string,
    private readonly brokers: readonly string[],
  ) {}

  consuming(): void {
    if (this.silent || this.failures > 1) {
      this.logger.log(`${this.silent ? 'Consumes' : 'Consumes again'} the topic "${this.topic}".`);
    }
    this.silent = false;
    this.failures = 0;
  }

  interrupted(error: unknown): void {
    this.failures++;
    if (this.failures !== 2) return;
    this.silent = false;
    this.logger.warn(
      `Cannot consume the topic "${this.topic}" from ${this.brokers.join(', ')} (${reasonOf(error)}). ` +
        'Orders are taken all the same, and shipping goes on by itself when the broker is there: start it, or correct KAFKA_BROKERS.',
    );
  }
}

/** kafkajs wraps the reason as often as it has tried. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
