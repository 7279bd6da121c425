import { AsyncLocalStorage } from 'node:async_hooks';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { SchedulerRegistry } from '@nestjs/schedule';
import type { ActivitySink, SilenceReason } from '../interfaces/outbox-activity';
import type { Overdue } from '../store/read-overdue';
import type { MonotonicClock } from '../time/monotonic-clock';
import type { RelayCondition } from './relay-condition';

/** How often to look within the time after which silence is told. */
const LOOKS = 4;
const LONGEST_INTERVAL_MS = 15_000;

export interface SilenceParts {
  readonly condition: RelayCondition;
  /** The lanes that this process delivers. */
  lanes(): readonly number[];
  /** What has been due for longer than that. */
  readOverdue(lanes: readonly number[], seconds: number): Promise<Overdue>;
  readonly tell: ActivitySink;
  readonly clock: MonotonicClock;
  /** 0: never. */
  readonly silenceSeconds: number;
}

/**
 * Notices that events are due and nothing is delivered. A relay answers for its own lanes; lanes that no relay owns are everybody's concern, also that
 * of a process which only writes. As long as this process delivers, the database is not asked.
 */
export class SilenceDetector implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timerName: string;
  private readonly inOwnContext = AsyncLocalStorage.snapshot();
  private told: SilenceReason | undefined;
  private looking = false;
  private closed = false;

  constructor(
    dataSource: string,
    private readonly registry: SchedulerRegistry,
    private readonly parts: SilenceParts,
  ) {
    this.timerName = `outbox-silence-${dataSource}`;
  }

  onApplicationBootstrap(): void {
    const { silenceSeconds } = this.parts;
    // Called again where an application that was initialized becomes a microservice.
    if (silenceSeconds > 0 && !this.registry.doesExist('interval', this.timerName)) {
      const everyMs = Math.min((silenceSeconds * 1000) / LOOKS, LONGEST_INTERVAL_MS);
      this.registry.addInterval(
        this.timerName,
        setInterval(() => void this.inOwnContext(() => this.look()), everyMs),
      );
    }
  }

  beforeApplicationShutdown(): void {
    this.closed = true;
    // The application or ScheduleModule may have removed it already.
    if (this.registry.doesExist('interval', this.timerName)) {
      this.registry.deleteInterval(this.timerName);
    }
  }

  async look(): Promise<void> {
    if (this.looking) {
      return;
    }
    this.looking = true;
    try {
      const reason = await this.reason();
      if (!this.closed) {
        this.become(reason);
      }
    } finally {
      this.looking = false;
    }
  }

  /** Undefined: nothing is silent. */
  private async reason(): Promise<SilenceReason | undefined> {
    const { condition, silenceSeconds, clock } = this.parts;
    if (clock() - condition.settledAt < silenceSeconds * 1000) {
      return undefined;
    }
    const lanes = this.parts.lanes();
    try {
      const { own, ownAreHeld, orphaned } = await this.parts.readOverdue(lanes, silenceSeconds);
      return own ? this.reasonOfOwn(ownAreHeld) : orphaned ? this.reasonOfOrphaned() : undefined;
    } catch {
      // Whether something is due is not known then. What was due before still is, most likely.
      return this.told === undefined ? undefined : 'database';
    }
  }

  private reasonOfOwn(allAreHeld: boolean): SilenceReason {
    const { condition } = this.parts;
    if (condition.publisherHangs) {
      return 'publisher_hangs';
    }
    if (condition.publisherDownSince !== undefined) {
      return 'publisher_unavailable';
    }
    if (condition.databaseDownSince !== undefined) {
      return 'database';
    }
    return allAreHeld ? 'keys_held' : 'unknown';
  }

  private reasonOfOrphaned(): SilenceReason {
    const { condition } = this.parts;
    return condition.publisherHangs
      ? 'publisher_hangs'
      : condition.leaseLostAt === undefined
        ? 'no_lane_owner'
        : 'lease_lost';
  }

  private become(reason: SilenceReason | undefined): void {
    if (reason === this.told) {
      return;
    }
    this.told = reason;
    const { tell, clock, condition } = this.parts;
    if (reason === undefined) {
      tell({ type: 'silence-over' });
    } else {
      tell({ type: 'silent', reason, seconds: (clock() - condition.settledAt) / 1000 });
    }
  }
}
