import type { DataSource } from 'typeorm';
import type { ResolvedOutboxOptions } from '../config/outbox-options';
import type { PublishOutcome } from '../interfaces/outbox-publisher';
import type { LaneClaim } from '../store/lane-fence';
import type { OutboxTables } from '../store/outbox-tables';
import type { PendingEvent } from '../store/pending-event';
import { SettlePublished } from '../store/settle-published';
import { settleRejected, type RejectedEvent } from '../store/settle-rejected';
import { retryInSeconds, type Random } from './backoff';

/** What the outcomes of a batch come to. */
export interface Verdict {
  readonly published: readonly PendingEvent[];
  readonly rejected: readonly (PendingEvent & RejectedEvent)[];
  /** Neither delivered nor refused: still to be delivered. */
  readonly unsent: readonly PendingEvent[];
}

/** The reason is for people; a broker's answer can quote the whole record. */
const LONGEST_REASON = 1000;

/** Records what became of events, by the right to their lanes. */
export class Settlement {
  private readonly publishedStatement: SettlePublished;

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly options: ResolvedOutboxOptions,
    private readonly random: Random,
  ) {
    const keep = options.retention.publishedHours > 0;
    this.publishedStatement = new SettlePublished(tables, keep, options.preparedStatements);
  }

  judge(events: readonly PendingEvent[], outcomes: readonly PublishOutcome[]): Verdict {
    const published: PendingEvent[] = [];
    const rejected: (PendingEvent & RejectedEvent)[] = [];
    const unsent: PendingEvent[] = [];
    const refusedKeys = new Set<string>();
    events.forEach((event, index) => {
      const outcome = outcomes[index];
      if (outcome?.status === 'published') {
        published.push(event);
      } else if (outcome?.status === 'rejected' && !refusedKeys.has(event.eventKey)) {
        // Only the first of its key, or one that is refused later could be tried again before it.
        refusedKeys.add(event.eventKey);
        const reason = outcome.reason.slice(0, LONGEST_REASON).replaceAll('\0', '');
        rejected.push({ ...event, reason, retryInSeconds: this.retryInSeconds(event.attempts + 1) });
      } else {
        unsent.push(event);
      }
    });
    return { published, rejected, unsent };
  }

  /** Returns whether all of it could be recorded: if not, a lane was lost, and its new owner delivers again. */
  async record({ published, rejected }: Verdict, claim: LaneClaim): Promise<boolean> {
    let changed = 0;
    if (published.length > 0) {
      const seqs = published.map(({ seq }) => seq);
      changed += await this.publishedStatement.run(this.dataSource, claimFor(claim, published), seqs);
    }
    if (rejected.length > 0) {
      const hold = this.options.afterDeadLetter === 'hold';
      changed += await settleRejected(this.dataSource, this.tables, claimFor(claim, rejected), rejected, hold);
    }
    return changed === published.length + rejected.length;
  }

  /** Null when it has been tried often enough. */
  private retryInSeconds(attempts: number): number | null {
    return attempts > this.options.maxRetries
      ? null
      : retryInSeconds(attempts, this.options.errorRetryIntervalSeconds, this.random);
  }
}

/** The part of a claim that is needed: what is locked in vain holds up others. */
function claimFor(claim: LaneClaim, events: readonly PendingEvent[]): LaneClaim {
  const lanes = new Set(events.map(({ lane }) => lane));
  return { owner: claim.owner, lanes: claim.lanes.filter(({ lane }) => lanes.has(lane)) };
}
