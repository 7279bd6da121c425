import { OutboxArgumentInvalidError } from '../errors/event.errors';
import type { OutboxPublisher } from '../interfaces/outbox-publisher';
import type { Delivery } from './delivery';
import type { DeliveryCounts } from './delivery-result';
import type { LaneLeases } from './lane-leases';
import { withTimeLimit } from '../time/time-limit';
import { renewing } from './renewing';

/** The kafkajs publisher gives up by itself within that. */
const LONGEST_CONNECT_MS = 12_000;

/** How far a drain goes. */
export interface DrainLimits {
  /** Most events to take up, at least 1. Default: no limit. */
  readonly limit?: number | undefined;
  /** Seconds after which no further batch is begun. Default: no limit. */
  readonly seconds?: number | undefined;
}

/** What a drain has done. */
export interface DrainResult extends Readonly<DeliveryCounts> {
  /**
   * Why it has ended. `done`: nothing is left that is due and that this process may deliver; `limit`: a limit was reached, or the application is
   * closing; `unavailable`: the broker cannot be reached.
   */
  readonly ended: 'done' | 'limit' | 'unavailable';
}

/** Delivers once, when it is told to, and not by itself. */
export class Drain {
  private closing = false;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly delivery: Pick<Delivery, 'run'>,
    private readonly leases: LaneLeases,
    private readonly publisher: OutboxPublisher,
    /** Whether the leases are there for this alone, and must be kept while it lasts and given back after it. */
    private readonly isAlone: boolean,
    private readonly leaseSeconds: number,
  ) {}

  run({ limit = Infinity, seconds = Infinity }: DrainLimits): Promise<DrainResult> {
    const deadline = performance.now() + seconds * 1000;
    const mayGoOn = (): boolean => !this.closing && performance.now() < deadline;
    const result = this.turn.then(async () => {
      if (this.closing) {
        // The publisher must not be connected again.
        return { published: 0, retried: 0, dead: 0, ended: 'limit' } as const;
      }
      const { ended, ...counts } = await this.withLeases(() => this.delivery.run({ mayGoOn, events: limit }));
      const why = ended === 'idle' ? 'done' : ended === 'interrupted' ? 'limit' : 'unavailable';
      return { ...counts, ended: why } as const;
    });
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Lets the batch that is under way end, and nothing begin any more. */
  async close(): Promise<void> {
    this.closing = true;
    await this.turn;
  }

  private async withLeases<T>(work: () => Promise<T>): Promise<T> {
    if (!this.isAlone) {
      return work();
    }
    // Before the lanes are taken, which nobody else could deliver meanwhile. Where it fails, the delivery tells of it.
    await withTimeLimit(
      LONGEST_CONNECT_MS,
      this.publisher.connect().catch(() => undefined),
      () => undefined,
    );
    const renewal = renewing(this.leases, this.leaseSeconds);
    // A publisher that never answers must not keep the process alive.
    renewal.unref();
    try {
      await this.leases.keep(true);
      return await work();
    } finally {
      clearInterval(renewal);
      // What cannot be given back lapses.
      await this.leases.release().catch(() => undefined);
    }
  }
}

/** @throws OutboxArgumentInvalidError unless the limits are numbers in their range */
export function assertDrainLimits({ limit, seconds }: DrainLimits): void {
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1)) {
    throw new OutboxArgumentInvalidError(
      `drain was given the limit ${String(limit)}, and needs a whole number of at least 1; leave it out to deliver all.`,
    );
  }
  if (seconds !== undefined && !(typeof seconds === 'number' && seconds >= 0)) {
    throw new OutboxArgumentInvalidError(
      `drain was given ${String(seconds)} seconds, and needs a number of at least 0; leave it out to take as long as it takes.`,
    );
  }
}
