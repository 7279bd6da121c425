import type { DataSource } from 'typeorm';
import { errorOf } from '../errors/error-of';
import type { LaneClaim, OwnedLane } from '../store/lane-fence';
import { leave } from '../store/leave';
import { LANES } from '../store/ordering-key';
import type { OutboxTables } from '../store/outbox-tables';
import { releaseLanes } from '../store/release-lanes';
import { renewLanes } from '../store/renew-lanes';
import { takeLanes } from '../store/take-lanes';
import { LeaseBook, othersThan, type Leases } from './lease-book';
import type { LeaseHooks } from './lease-hooks';
import type { MonotonicClock } from '../time/monotonic-clock';

/** Longest that a send may take (the kafkajs publisher's limit), and what to leave for the rest. */
const LONGEST_SEND_MS = 11_000;
const MARGIN_MS = 1000;

export interface LeaseOptions {
  readonly owner: string;
  readonly leaseSeconds: number;
  readonly pollIntervalSeconds: number;
}

interface Kept {
  readonly leases: Leases;
  /** How many lanes the relay is to own. */
  readonly target: number;
  /** Whether the others have not counted it as living until now. */
  readonly joined: boolean;
  /** Why it could not look for more. */
  readonly failure?: Error;
}

/**
 * The lanes that this relay owns: its share of all lanes. It takes what is free up to that, and gives back what is above it as other relays
 * join. Ownership is a lease by the database's clock; this side only knows until when it may rely on it, reckoned from before the statement that
 * gave the lease was sent. That deadline makes duplicates rare; order does not rest on it, since a successor begins at the lowest pending event
 * and so repeats first what a straggler still sends.
 */
export class LaneLeases {
  private readonly book = new LeaseBook();
  private renewedAt = -Infinity;
  private keptAt = -Infinity;
  /** Whether the database may have given or taken what is not in the book: the answer to a statement may have been lost. */
  private uncertain = true;
  private givingBack = false;
  private state: 'unknown' | 'present' | 'gone' = 'unknown';
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly options: LeaseOptions,
    private readonly clock: MonotonicClock,
    private readonly hooks: LeaseHooks,
  ) {}

  /** The lanes to fetch from. */
  get lanes(): readonly number[] {
    return this.book.lanes;
  }

  /** The same as a number with a bit for each; none while they cannot be relied on. */
  get laneBits(): bigint {
    return this.maySend ? this.book.bits : 0n;
  }

  /** Whether a send that begins now will end before the leases can have lapsed. */
  get maySend(): boolean {
    return this.book.leases.size > 0 && this.clock() < this.book.reliableUntil;
  }

  /** Whether to look for free lanes before a round: not at each wake-up, or a standby would ask once for every commit. */
  get keepDue(): boolean {
    const complete = this.lanes.length === LANES && this.maySend;
    return !complete && this.clock() - this.keptAt >= this.options.pollIntervalSeconds * 900;
  }

  /** Whether a lane is owned, by this same takeover of it. */
  has(lane: OwnedLane): boolean {
    return this.book.has(lane);
  }

  /** The right to settle events of these lanes. */
  claim(lanes: Iterable<number>): LaneClaim {
    return { owner: this.options.owner, lanes: this.book.owned(lanes) };
  }

  /**
   * Learns what is owned, takes what is free of this relay's share, and begins to give back what is above it. One at a time: timers and the
   * relay's loop call it.
   *
   * @param renew also renew the leases and show the sign of life, which is done in any case when it is time for it
   */
  keep(renew = false): Promise<void> {
    return this.inTurn(async () => {
      if (this.state === 'gone' || this.hooks.isStuck()) {
        return;
      }
      this.state = 'present';
      const isRenewal = renew || this.renewalDue;
      this.uncertain = true;
      const { leases, target, joined, failure } = isRenewal ? await this.renew() : await this.look(this.book.leases);
      this.become(leases);
      if (failure !== undefined) {
        throw failure;
      }
      this.uncertain = false;
      this.book.markLeaving(this.lanes.slice(target));
      void this.giveBack();
      if (joined) {
        void this.hooks.tellOthers();
      }
    });
  }

  /** Gives everything back. */
  release(): Promise<void> {
    return this.leave('unknown');
  }

  /** Gives everything back, for good. */
  close(): Promise<void> {
    return this.leave('gone');
  }

  private leave(state: 'unknown' | 'gone'): Promise<void> {
    return this.inTurn(async () => {
      const wasPresent = this.state === 'present';
      const owned = [...this.book.leases.keys()];
      this.state = state;
      this.book.leases = new Map();
      if (wasPresent) {
        await leave(this.dataSource, this.tables, this.options.owner);
        this.released(owned);
        await this.hooks.tellOthers();
      }
    });
  }

  private get renewalDue(): boolean {
    const isLapsing = this.book.leases.size > 0 && !this.maySend;
    return this.uncertain || isLapsing || this.clock() - this.renewedAt >= (this.options.leaseSeconds * 1000) / 3;
  }

  private async renew(): Promise<Kept> {
    const asked = this.clock();
    const renewed = await renewLanes(this.dataSource, this.tables, {
      ...this.options,
      lifeLock: this.hooks.lifeLock(),
    });
    this.renewedAt = asked;
    this.keptAt = asked;
    const leases = this.leasesOf(renewed.lanes, asked);
    if (leases.size >= renewed.target) {
      return { ...renewed, leases };
    }
    try {
      return { ...(await this.look(leases)), joined: renewed.joined };
    } catch (error) {
      // What was renewed is renewed, whatever becomes of the look for more.
      return { ...renewed, leases, failure: errorOf(error) };
    }
  }

  private async look(known: Leases): Promise<Kept> {
    const asked = this.clock();
    const { kept, taken, target } = await takeLanes(this.dataSource, this.tables, this.options);
    this.keptAt = asked;
    // Each lease counts from the statement that gave or renewed it. One that is not known was given by a statement whose answer was lost, and the
    // next renewal tells of it.
    const keptLeases = [...known].filter(([lane, { epoch }]) => kept.some((k) => k.lane === lane && k.epoch === epoch));
    return { leases: new Map([...keptLeases, ...this.leasesOf(taken, asked)]), target, joined: false };
  }

  private leasesOf(lanes: readonly OwnedLane[], asked: number): Leases {
    const until = asked + this.options.leaseSeconds * 1000 - LONGEST_SEND_MS - MARGIN_MS;
    const leaving = new Set(this.book.leaving);
    return new Map(
      lanes.map((lane) => [
        lane.lane,
        { epoch: lane.epoch, until, leaving: leaving.has(lane.lane) && this.book.has(lane) },
      ]),
    );
  }

  private become(leases: Leases): void {
    const before = this.book.leases;
    const taken = othersThan(before, leases);
    const lost = othersThan(leases, before);
    this.book.leases = leases;
    if (taken.length + lost.length > 0) {
      this.hooks.onChange();
    }
    if (lost.length > 0) {
      this.hooks.onLost(lost);
    }
    if (taken.length > 0) {
      this.hooks.onTaken(taken);
    }
  }

  private released(lanes: readonly number[]): void {
    if (lanes.length > 0) {
      this.hooks.onReleased(lanes);
    }
  }

  /** Not waited for, since the loop that settles what is in flight may itself be waiting for `keep`. What fails is tried again with the next one. */
  private async giveBack(): Promise<void> {
    if (this.givingBack) {
      return;
    }
    this.givingBack = true;
    try {
      while (this.book.leaving.length > 0) {
        const claim = this.claim(this.book.leaving);
        await this.hooks.inFlight();
        await this.inTurn(() => this.giveBackNow(claim));
      }
    } catch {
      this.uncertain = true;
    } finally {
      this.givingBack = false;
    }
  }

  private async giveBackNow(claim: LaneClaim): Promise<void> {
    const lanes = claim.lanes.filter((lane) => this.book.has(lane));
    if (lanes.length > 0) {
      await releaseLanes(this.dataSource, this.tables, { ...claim, lanes });
      this.book.remove(lanes);
      this.hooks.onChange();
      this.released(lanes.map(({ lane }) => lane));
      void this.hooks.tellOthers();
    }
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }
}
