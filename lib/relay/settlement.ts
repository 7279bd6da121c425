import type { DataSource } from 'typeorm';
import type { ResolvedOutboxOptions } from '../config/outbox-options';
import { errorOf } from '../errors/error-of';
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

/** What the table says now; what was published is recorded first. */
export interface Recorded extends Pick<Verdict, 'published' | 'rejected'> {
  /** Why the refusals could not be recorded, if that failed. */
  readonly failure?: Error;
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

  /** Returns what could be recorded: where that is not all, a lane was lost, and its new owner delivers again. */
  async record(verdict: Verdict, claim: LaneClaim): Promise<Recorded> {
    const published = await this.recordPublished(verdict.published, claim);
    try {
      return { published, rejected: await this.recordRejected(verdict.rejected, claim) };
    } catch (error) {
      return { published, rejected: [], failure: errorOf(error) };
    }
  }

  private async recordPublished(events: Verdict['published'], claim: LaneClaim): Promise<Verdict['published']> {
    if (events.length === 0) {
      return events;
    }
    const seqs = events.map(({ seq }) => seq);
    return only(events, await this.publishedStatement.run(this.dataSource, claimFor(claim, events), seqs));
  }

  private async recordRejected(events: Verdict['rejected'], claim: LaneClaim): Promise<Verdict['rejected']> {
    if (events.length === 0) {
      return events;
    }
    const hold = this.options.afterDeadLetter === 'hold';
    return only(events, await settleRejected(this.dataSource, this.tables, claimFor(claim, events), events, hold));
  }

  /** Null when it has been tried often enough. */
  private retryInSeconds(attempts: number): number | null {
    return attempts > this.options.maxRetries
      ? null
      : retryInSeconds(attempts, this.options.errorRetryIntervalSeconds, this.random);
  }
}

function only<E extends PendingEvent>(events: readonly E[], seqs: readonly number[]): readonly E[] {
  if (seqs.length === events.length) {
    return events;
  }
  const recorded = new Set(seqs);
  return events.filter(({ seq }) => recorded.has(seq));
}

/** The part of a claim that is needed: what is locked in vain holds up others. */
function claimFor(claim: LaneClaim, events: readonly PendingEvent[]): LaneClaim {
  const lanes = new Set(events.map(({ lane }) => lane));
  return { owner: claim.owner, lanes: claim.lanes.filter(({ lane }) => lanes.has(lane)) };
}
