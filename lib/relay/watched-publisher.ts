import type { OutboxMessage, OutboxPublisher, PublishContext, PublishResult } from '../interfaces/outbox-publisher';
import type { RelayReport } from './relay-report';

/**
 * A publisher of which is known whether it is at a send for longer than a lease lasts: it may never answer, and then the relay must leave its lanes
 * to others. kafkajs' is bounded and never is; one of the user's may not be.
 */
export class WatchedPublisher implements Pick<OutboxPublisher, 'publish'> {
  private hangs = false;

  constructor(
    private readonly publisher: Pick<OutboxPublisher, 'publish'>,
    private readonly leaseSeconds: number,
    private readonly report: Pick<RelayReport, 'publisherHangs' | 'publisherInTime'>,
  ) {}

  /** Whether the send that is under way has taken longer than a lease. */
  get isHanging(): boolean {
    return this.hangs;
  }

  async publish(batch: readonly OutboxMessage[], context: PublishContext): Promise<PublishResult> {
    const limit = setTimeout(() => {
      this.hangs = true;
      this.report.publisherHangs(this.leaseSeconds);
    }, this.leaseSeconds * 1000);
    // It must not keep the process alive.
    limit.unref();
    try {
      return await this.publisher.publish(batch, context);
    } finally {
      clearTimeout(limit);
      if (!this.hangs) {
        this.report.publisherInTime();
      }
      this.hangs = false;
    }
  }
}
