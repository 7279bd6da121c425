import { AsyncLocalStorage } from 'node:async_hooks';
import type { TableReading } from '../store/read-gauges';
import type { MonotonicClock } from '../time/monotonic-clock';
import { withTimeLimit } from '../time/time-limit';

const KEPT_MS = 1000;
/** A reading is kept for so many times as long as it took: reading takes a tenth of the time of one connection, whoever asks how often. */
const KEPT_TIMES = 10;
/** But not for longer than that, as Prometheus asks each minute at the least often. */
const LONGEST_KEPT_MS = 30_000;
/** Below the 10 s that Prometheus waits for a scrape unless told otherwise. */
const LIMIT_MS = 3000;
/** Where the table cannot be read within the limit, as so much is pending, a reading that is not older than that is better than none. */
const LATE_MS = 60_000;

/** What the last look at the table came to. */
interface Look {
  /** When it ended. */
  readonly at: number;
  readonly keptUntil: number;
  readonly outcome: { readonly reading: TableReading } | { readonly error: unknown };
}

/** Readings of the table, which many may ask for, and the database is asked for seldom. */
export class TableReadings {
  // Whoever asks may do so in a transaction, which must not be read in.
  private readonly inOwnContext = AsyncLocalStorage.snapshot();
  private last: Look | undefined;
  private underWay: Promise<TableReading> | undefined;

  constructor(
    private readonly readTable: () => Promise<TableReading>,
    private readonly clock: MonotonicClock,
  ) {}

  /** Rejects if the database fails, or does not answer within 3 s and has not done so within the last minute. */
  async read(): Promise<TableReading> {
    const { last } = this;
    if (last !== undefined && this.clock() < last.keptUntil) {
      return this.readingOf(last);
    }
    this.underWay ??= this.inOwnContext(() => this.readNow());
    return withTimeLimit(LIMIT_MS, this.underWay, () => {
      if (last === undefined || 'error' in last.outcome || this.clock() - last.at > LATE_MS) {
        throw new Error(`the database has not answered within ${LIMIT_MS / 1000} s`);
      }
      return this.readingOf(last);
    });
  }

  private async readNow(): Promise<TableReading> {
    const began = this.clock();
    try {
      const reading = await this.readTable();
      this.keep(began, { reading });
      return reading;
    } catch (error) {
      this.keep(began, { error });
      throw error;
    } finally {
      this.underWay = undefined;
    }
  }

  private keep(began: number, outcome: Look['outcome']): void {
    const at = this.clock();
    const keptMs = Math.min(Math.max(KEPT_MS, (at - began) * KEPT_TIMES), LONGEST_KEPT_MS);
    this.last = { at, keptUntil: at + keptMs, outcome };
  }

  /** What is due has been so for longer by now. */
  private readingOf({ at, outcome }: Look): TableReading {
    if ('error' in outcome) {
      throw outcome.error;
    }
    const { reading } = outcome;
    const since = (this.clock() - at) / 1000;
    return reading.oldestPendingSeconds === 0
      ? reading
      : { ...reading, oldestPendingSeconds: reading.oldestPendingSeconds + since };
  }
}
