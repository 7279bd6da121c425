import { AsyncLocalStorage } from 'node:async_hooks';
import type { TableReading } from '../store/read-gauges';
import type { MonotonicClock } from '../time/monotonic-clock';
import { withTimeLimit } from '../time/time-limit';

const KEPT_MS = 1000;
/** A reading is kept for so many times as long as it took: reading takes a tenth of the time of one connection at most, whoever asks how often. */
const KEPT_TIMES = 10;
/** Below the 10 s that Prometheus waits for a scrape unless told otherwise. */
const LIMIT_MS = 3000;

/** Readings of the table, which many may ask for, and the database is asked for seldom. */
export class TableReadings {
  // Whoever asks may do so in a transaction, which must not be read in.
  private readonly inOwnContext = AsyncLocalStorage.snapshot();
  private last: TableReading | undefined;
  private keptUntil = -Infinity;
  private underWay: Promise<TableReading> | undefined;

  constructor(
    private readonly readTable: () => Promise<TableReading>,
    private readonly clock: MonotonicClock,
  ) {}

  /** Rejects if the database does not answer within 3 s. */
  read(): Promise<TableReading> {
    if (this.last !== undefined && this.clock() < this.keptUntil) {
      return Promise.resolve(this.last);
    }
    this.underWay ??= this.inOwnContext(() => this.readNow());
    return withTimeLimit(LIMIT_MS, this.underWay, (): never => {
      throw new Error(`the database has not answered within ${LIMIT_MS / 1000} s`);
    });
  }

  private async readNow(): Promise<TableReading> {
    const began = this.clock();
    try {
      this.last = await this.readTable();
      const now = this.clock();
      this.keptUntil = now + Math.max(KEPT_MS, (now - began) * KEPT_TIMES);
      return this.last;
    } catch (error) {
      this.last = undefined;
      throw error;
    } finally {
      this.underWay = undefined;
    }
  }
}
