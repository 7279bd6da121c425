import type { DataSource } from 'typeorm';
import type { ResolvedOutboxOptions } from '../config/outbox-options';
import type { OutboxPublisher, PublishOutcome } from '../interfaces/outbox-publisher';
import { fetchPending, type PendingEvent } from '../store/fetch-pending';
import type { OutboxTables } from '../store/outbox-tables';
import { settlePublished } from '../store/settle-published';
import { settleRejected, type RejectedEvent } from '../store/settle-rejected';
import { retryInSeconds, type Random } from './backoff';
import type { HeldKeys } from './held-keys';
import type { LaneLeases } from './lane-leases';
import { toMessage } from './to-message';

/** What one round has brought: something was settled, nothing was pending, or the broker is away (and why). */
export type CycleResult = 'progress' | 'idle' | { readonly unavailable: string };

/** The reason is for people; a broker's answer can quote the whole record. */
const LONGEST_REASON = 1000;

/** One round of the relay: one fetch, one send, one settling. No transaction is open while the broker is being talked to. */
export class RelayCycle {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly publisher: OutboxPublisher,
    private readonly leases: LaneLeases,
    private readonly held: HeldKeys,
    private readonly options: ResolvedOutboxOptions,
    private readonly random: Random,
  ) {}

  async run(): Promise<CycleResult> {
    if (this.leases.keepDue) {
      await this.leases.keep();
    }
    // Also without lanes: what is due now must not be waited for again.
    const heldKeys = this.held.current();
    const { lanes } = this.leases;
    if (!this.leases.maySend || lanes.length === 0) {
      return 'idle';
    }
    const batch = await fetchPending(this.dataSource, this.tables, {
      lanes,
      heldKeys,
      limit: this.options.batchSize,
      maxBytes: this.options.maxBatchBytes,
    });
    // Asked again: the fetch may have waited long for a connection.
    if (batch.length === 0 || !this.leases.maySend) {
      return 'idle';
    }
    return this.deliver(batch);
  }

  private async deliver(batch: readonly PendingEvent[]): Promise<CycleResult> {
    const { outcomes, unavailable } = await this.publisher.publish(
      batch.map((event) => toMessage(event, this.options.source)),
      { mayContinue: () => this.leases.maySend },
    );
    const settled = await this.settle(batch, outcomes);
    if (unavailable !== undefined) {
      return { unavailable };
    }
    return settled > 0 ? 'progress' : { unavailable: 'the publisher took no event and gave no reason' };
  }

  /** Records the outcomes; what is to be sent again needs no record, as it is still pending. */
  private async settle(batch: readonly PendingEvent[], outcomes: readonly PublishOutcome[]): Promise<number> {
    const published: PendingEvent[] = [];
    const rejected: (PendingEvent & RejectedEvent)[] = [];
    batch.forEach((event, index) => {
      const outcome = outcomes[index];
      if (outcome?.status === 'published') {
        published.push(event);
      } else if (outcome?.status === 'rejected') {
        const seconds = retryInSeconds(event.attempts + 1, this.options.errorRetryIntervalSeconds, this.random);
        this.held.hold(event.eventKey, seconds);
        rejected.push({
          ...event,
          reason: outcome.reason.slice(0, LONGEST_REASON).replaceAll('\0', ''),
          retryInSeconds: seconds,
        });
      }
    });
    let changed = 0;
    if (published.length > 0) {
      const seqs = published.map(({ seq }) => seq);
      changed += await settlePublished(this.dataSource, this.tables, this.claimOf(published), seqs);
    }
    if (rejected.length > 0) {
      changed += await settleRejected(this.dataSource, this.tables, this.claimOf(rejected), rejected);
    }
    const settled = published.length + rejected.length;
    if (changed < settled) {
      // A lane was taken over: the new owner delivers again what could not be recorded here.
      await this.leases.keep();
    }
    return settled;
  }

  private claimOf(events: readonly PendingEvent[]): ReturnType<LaneLeases['claim']> {
    return this.leases.claim(events.map(({ lane }) => lane));
  }
}
