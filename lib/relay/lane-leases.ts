import type { DataSource } from 'typeorm';
import type { LaneClaim } from '../store/lane-fence';
import { LANES } from '../store/ordering-key';
import type { OutboxTables } from '../store/outbox-tables';
import { releaseLanes } from '../store/release-lanes';
import { renewLanes } from '../store/renew-lanes';
import { takeLanes } from '../store/take-lanes';
import type { MonotonicClock } from './monotonic-clock';

/** Longest that a send may take (the kafkajs publisher's request timeout), and what to leave for the rest. */
const LONGEST_SEND_MS = 10_000;
const MARGIN_MS = 1000;

export interface LaneChanges {
  readonly taken: readonly number[];
  readonly lost: readonly number[];
}

/**
 * The lanes that this relay owns. Ownership is a lease by the database's clock; this side only knows until when it may rely on it,
 * reckoned from before the renewing statement was sent. That deadline makes duplicates rare; order does not rest on it, since a
 * successor begins at the lowest pending event and so repeats first what a straggler still sends.
 */
export class LaneLeases {
  private epochs = new Map<number, string>();
  private reliableUntil = 0;
  private keptAt = -Infinity;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly owner: string,
    private readonly leaseSeconds: number,
    private readonly pollIntervalSeconds: number,
    private readonly clock: MonotonicClock,
    /** Awaited before lanes that were taken count as owned. */
    private readonly onChange: (changes: LaneChanges) => Promise<void>,
    /** Called when they do. */
    private readonly onTaken: () => void = () => undefined,
  ) {}

  get lanes(): readonly number[] {
    return [...this.epochs.keys()];
  }

  /** Whether a send that begins now will end before the leases can have lapsed. */
  get maySend(): boolean {
    return this.epochs.size > 0 && this.clock() < this.reliableUntil;
  }

  /** Whether to look for free lanes before a round: not at each wake-up, or a standby would ask once for every commit. */
  get keepDue(): boolean {
    const complete = this.epochs.size === LANES && this.maySend;
    return !complete && this.clock() - this.keptAt >= this.pollIntervalSeconds * 900;
  }

  /** The right to settle events of these lanes. */
  claim(lanes: Iterable<number>): LaneClaim {
    const owned = [...new Set(lanes)].flatMap((lane) => {
      const epoch = this.epochs.get(lane);
      return epoch === undefined ? [] : [{ lane, epoch }];
    });
    return { owner: this.owner, lanes: owned };
  }

  /** Renews what is owned, and takes what is free. One at a time: the timer and the relay's loop both call it. */
  keep(): Promise<void> {
    return this.inTurn(async () => {
      const asked = this.clock();
      const before = this.epochs;
      // Asked even if nothing is known to be owned: the answer to an earlier taking may have been lost with its connection.
      const renewed = await renewLanes(this.dataSource, this.tables, this.owner, this.leaseSeconds);
      const taken =
        renewed.length < LANES ? await takeLanes(this.dataSource, this.tables, this.owner, this.leaseSeconds) : [];
      const after = new Map([...renewed, ...taken].map(({ lane, epoch }) => [lane, epoch]));
      this.keptAt = asked;
      this.reliableUntil = asked + this.leaseSeconds * 1000 - LONGEST_SEND_MS - MARGIN_MS;
      const changes = { taken: changed(after, before), lost: changed(before, after) };
      // What was lost goes at once; what was taken counts only when everybody knows of it. If that fails, it is taken anew next time.
      this.epochs = new Map([...before].filter(([lane, epoch]) => after.get(lane) === epoch));
      if (changes.taken.length > 0 || changes.lost.length > 0) {
        await this.onChange(changes);
      }
      this.epochs = after;
      if (changes.taken.length > 0) {
        this.onTaken();
      }
    });
  }

  /** Gives everything back. */
  release(): Promise<void> {
    return this.inTurn(async () => {
      if (this.epochs.size > 0) {
        this.epochs = new Map();
        await releaseLanes(this.dataSource, this.tables, this.owner);
      }
    });
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

/** The lanes of `these` that `those` do not have in the same epoch. */
function changed(these: ReadonlyMap<number, string>, those: ReadonlyMap<number, string>): number[] {
  return [...these.keys()].filter((lane) => these.get(lane) !== those.get(lane));
}
