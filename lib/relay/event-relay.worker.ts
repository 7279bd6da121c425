import { AsyncLocalStorage } from 'node:async_hooks';
import type { BeforeApplicationShutdown, Logger, OnApplicationBootstrap } from '@nestjs/common';
import type { SchedulerRegistry } from '@nestjs/schedule';
import { OutboxNothingToDrainToError } from '../errors/relay.errors';
import type { OutboxPublisher } from '../interfaces/outbox-publisher';
import { withTimeLimit } from '../time/time-limit';
import { assertDrainLimits, type Drain, type DrainLimits, type DrainResult } from './drain';
import type { LaneLeases } from './lane-leases';
import type { RelayLoop } from './relay-loop';
import { renewing } from './renewing';
import type { SignOfLife } from './sign-of-life';
import type { WakeUpSender } from './wake-up-sender';

/** What comes after that which is in flight may take so long at least, as that may have taken all of the time. */
const LEAST_FOR_THE_REST_MS = 1000;
/** A publisher that waits for a broker which does not answer must not keep the application from ending. */
const LONGEST_DISCONNECT_MS = 5000;

/** What a worker that delivers is made of. */
export interface RelayParts {
  readonly loop: RelayLoop;
  readonly drain: Drain;
  readonly leases: LaneLeases;
  readonly signOfLife: SignOfLife;
  readonly publisher: OutboxPublisher;
  /** Whether it delivers by itself, and not only when it is told to. */
  readonly relay: boolean;
  readonly pollIntervalSeconds: number;
  readonly leaseSeconds: number;
  readonly shutdownSeconds: number;
}

/**
 * Delivers committed events. It starts with the application, is woken by each commit that holds events of its lanes, and polls
 * for what it was not told of; its poll timer is in `@nestjs/schedule`'s registry as `outbox-relay-<data source>`. At shutdown
 * it finishes what is in flight.
 *
 * With `relay: false` it delivers only when {@link EventRelayWorker.drain} is called.
 */
export class EventRelayWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timerName: string;
  // The loop must not run in the context (transaction, request, trace) of whoever happens to wake it.
  private readonly inOwnContext = AsyncLocalStorage.snapshot();
  private renewal: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: string,
    private readonly registry: SchedulerRegistry,
    private readonly logger: Logger,
    private readonly parts: RelayParts | null,
    private readonly sender: WakeUpSender,
  ) {
    this.timerName = `outbox-relay-${dataSource}`;
  }

  onApplicationBootstrap(): void {
    const { parts } = this;
    // Called again where an application that was initialized becomes a microservice.
    if (parts?.relay !== true || this.renewal !== undefined) {
      return;
    }
    // Not awaited: the application serves whether or not there is a broker.
    parts.publisher.connect().catch(() => undefined);
    this.registry.addInterval(
      this.timerName,
      setInterval(() => this.wake(), parts.pollIntervalSeconds * 1000),
    );
    // Apart from the loop, which may be sending for long. A failure is reported by the loop, which meets the same database.
    this.renewal = renewing(parts.leases, parts.leaseSeconds);
    parts.signOfLife.start();
    this.wake();
  }

  /** Looks for pending events now. A hint: harmless at any time, and never needed for correctness. */
  wake(): void {
    if (this.parts?.relay === true) {
      this.inOwnContext(() => this.parts?.loop.wake());
    }
  }

  /**
   * Delivers what is due, once, and tells what became of it: for cron jobs and short-lived functions, with `relay: false` and `kafka`. The
   * lanes that it takes for that are given back at the end. Where the relay runs by itself as well, it only hastens it.
   *
   * What other relays own is left to them, and what was refused waits for its time.
   *
   * @throws OutboxNothingToDrainToError if neither `kafka` nor `publisher` is configured
   * @throws OutboxArgumentInvalidError if a limit is out of range
   */
  async drain(limits: DrainLimits = {}): Promise<DrainResult> {
    const { parts } = this;
    if (parts === null) {
      throw new OutboxNothingToDrainToError(this.dataSource);
    }
    assertDrainLimits(limits);
    return this.inOwnContext(() => parts.drain.run(limits));
  }

  /**
   * The lanes that this process delivers, as far as it can rely on them.
   *
   * @internal
   */
  get lanes(): readonly number[] {
    const { leases } = this.parts ?? {};
    return leases?.maySend === true ? leases.lanes : [];
  }

  /**
   * Events of these lanes were committed (a bit for each lane): wakes the relays that own them.
   *
   * @internal
   */
  committed(lanes: bigint): void {
    const own = this.parts?.leases.laneBits ?? 0n;
    if (this.parts?.relay === true && (own === 0n || (lanes & own) !== 0n)) {
      // The connection of the commit is given back to the pool first, for the relay to fetch on it. It would else need a second one, which the pool opens
      // anew (6 to 25 ms, and the statement is planned anew) as often as it has closed it for not being used.
      setImmediate(() => {
        this.wake();
      });
    }
    this.sender.events(lanes & ~own);
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { parts } = this;
    if (parts === null) {
      await this.sender.close();
      return;
    }
    // The application or ScheduleModule may have removed it already.
    if (this.registry.doesExist('interval', this.timerName)) {
      this.registry.deleteInterval(this.timerName);
    }
    const deadline = performance.now() + parts.shutdownSeconds * 1000;
    await this.finish(parts);
    // Not before: what is in flight may take longer than a lease.
    clearInterval(this.renewal);
    const until = Math.max(deadline, performance.now() + LEAST_FOR_THE_REST_MS);
    await Promise.all([this.handOver(parts, until), this.disconnect(parts, until)]);
  }

  private async finish({ loop, drain, shutdownSeconds }: RelayParts): Promise<void> {
    if (!(await endsWithin(shutdownSeconds * 1000, Promise.all([loop.stop(), drain.close()])))) {
      this.logger.warn(
        `What was being sent could not be settled within ${shutdownSeconds} s (shutdownSeconds); it will be sent again.`,
      );
    }
  }

  private async handOver({ leases, signOfLife }: RelayParts, until: number): Promise<void> {
    const givenBack = leases.close().catch((error: unknown) => {
      this.logger.warn(`The leases could not be given back and will lapse: ${String(error)}`);
    });
    if (!(await endsWithin(until - performance.now(), givenBack))) {
      this.logger.warn('The leases could not be given back in time (shutdownSeconds) and will lapse.');
    }
    // After that: the others would take the lanes of a relay that does not live.
    await endsWithin(until - performance.now(), Promise.all([signOfLife.close(), this.sender.close()]));
  }

  private async disconnect({ publisher }: RelayParts, until: number): Promise<void> {
    const disconnecting = publisher.disconnect().catch((error: unknown) => {
      this.logger.warn(`The publisher could not be disconnected: ${String(error)}`);
    });
    if (!(await endsWithin(Math.min(until - performance.now(), LONGEST_DISCONNECT_MS), disconnecting))) {
      this.logger.warn('The publisher did not end its disconnecting in time.');
    }
  }
}

/** Whether it ends within that time. */
function endsWithin(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  return withTimeLimit(
    milliseconds,
    work.then(() => true),
    () => false,
  );
}
