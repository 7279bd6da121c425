import { AsyncLocalStorage } from 'node:async_hooks';
import type { BeforeApplicationShutdown, Logger, OnApplicationBootstrap } from '@nestjs/common';
import type { SchedulerRegistry } from '@nestjs/schedule';
import type { ActivitySink } from '../interfaces/outbox-activity';
import { withTimeLimit } from '../time/time-limit';
import type { OutboxUpkeepResult } from './upkeep-pass';

const INTERVAL_MS = 60_000;

/** The first pass begins within this time, and not at once: the instances of a deployment start together. */
const FIRST_WITHIN_MS = 10_000;

/** What an upkeep is made of. */
export interface UpkeepParts {
  /** Told whether somebody has asked for it. */
  readonly pass: (stopping: AbortSignal, isAsked: boolean) => Promise<OutboxUpkeepResult>;
  /** Whether it runs by itself. */
  readonly scheduled: boolean;
  /** How long the pass that is under way may take at shutdown. */
  readonly shutdownSeconds: number;
  /** A number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly tell: ActivitySink;
}

/**
 * Deletes delivered events and dead letters that have been kept for as long as the option `retention` says.
 *
 * Where the process delivers events, it runs by itself once a minute, or less often where there is much to walk over and nothing to delete; its timer is in `@nestjs/schedule`'s registry as
 * `outbox-upkeep-<data source>`. With `relay: false` it runs only when {@link OutboxUpkeep.run} is called.
 */
export class OutboxUpkeep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timerName: string;
  // A pass must not run in the transaction of whoever asks for it.
  private readonly inOwnContext = AsyncLocalStorage.snapshot();
  private readonly stopping = new AbortController();
  private first: NodeJS.Timeout | undefined;
  private running: Promise<OutboxUpkeepResult> | undefined;
  private failing = false;

  constructor(
    dataSource: string,
    private readonly registry: SchedulerRegistry,
    private readonly logger: Logger,
    private readonly parts: UpkeepParts,
  ) {
    this.timerName = `outbox-upkeep-${dataSource}`;
  }

  onApplicationBootstrap(): void {
    // Called again where an application that was initialized becomes a microservice.
    if (!this.parts.scheduled || this.first !== undefined) {
      return;
    }
    const runAndReport = (): void => void this.runAndReport();
    this.first = setTimeout(runAndReport, this.parts.random() * FIRST_WITHIN_MS);
    this.registry.addInterval(this.timerName, setInterval(runAndReport, INTERVAL_MS));
  }

  /**
   * Deletes what has been kept long enough, now; joins the pass that is under way in this process if there is one. While another process is at it, it
   * deletes nothing. Rejects with the database's error.
   *
   * @returns how many were deleted
   */
  run(): Promise<OutboxUpkeepResult> {
    return this.pass(true);
  }

  /** Ends a pass between two statements, for which it waits no longer than it may. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.first);
    // The application or ScheduleModule may have removed it already.
    if (this.registry.doesExist('interval', this.timerName)) {
      this.registry.deleteInterval(this.timerName);
    }
    const ended = (this.running ?? Promise.resolve()).then(
      () => undefined,
      () => undefined,
    );
    await withTimeLimit(this.parts.shutdownSeconds * 1000, ended, () => undefined);
  }

  private pass(isAsked: boolean): Promise<OutboxUpkeepResult> {
    this.running ??= this.inOwnContext(() => this.parts.pass(this.stopping.signal, isAsked)).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** Tells the log of changes of state, and not of every failed try. */
  private async runAndReport(): Promise<void> {
    try {
      await this.pass(false);
      if (this.failing) {
        this.failing = false;
        this.logger.log('The upkeep of the outbox works again.');
      }
    } catch (error) {
      const reason = error instanceof Error && error.message !== '' ? error.message : String(error);
      this.parts.tell({ type: 'error', errorType: 'upkeep', reason });
      if (!this.failing && !this.stopping.signal.aborted) {
        this.failing = true;
        this.logger.warn(`The upkeep of the outbox has failed: ${reason}. It is tried again every minute.`);
      }
    }
  }
}
