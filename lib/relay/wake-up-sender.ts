import { AsyncLocalStorage } from 'node:async_hooks';
import type { DataSource } from 'typeorm';
import { notify } from '../store/notify';
import type { OutboxTables } from '../store/outbox-tables';
import { withTimeLimit } from '../time/time-limit';
import { toPayload } from './wake-up';

/** At most one notification of events in this time: a NOTIFY holds up the commits of all others that send one. */
const PACE_MS = 10;
const LONGEST_CLOSE_MS = 1000;

/**
 * Tells the relays of other processes of committed events, outside of the transaction that added them: a NOTIFY inside would serialise the commits
 * of the whole database server. A notification that fails is not repeated, since the poll finds what it was about.
 */
export class WakeUpSender {
  // Not in the context of the commit: its transaction is over, and a statement in it would be refused.
  private readonly inOwnContext = AsyncLocalStorage.snapshot();
  private waiting = 0n;
  private underWay: Promise<void> | undefined;
  private pace: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly owner: string,
  ) {}

  /** Tells of events in these lanes soon, together with those that come until then. Never fails. */
  events(lanes: bigint): void {
    this.waiting |= lanes;
    if (this.underWay === undefined && this.pace === undefined && this.waiting !== 0n && !this.closed) {
      this.inOwnContext(() => {
        this.underWay = this.sendWaiting();
      });
    }
  }

  /** Tells that a relay has joined, left, or given lanes back. Never fails. */
  shares(): Promise<void> {
    return this.send(toPayload({ kind: 'shares', from: this.owner }));
  }

  /** Sends what waits, and then nothing more. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.pace);
    this.pace = undefined;
    const sent = (this.underWay ?? Promise.resolve()).then(() => this.sendNow());
    await withTimeLimit(LONGEST_CLOSE_MS, sent, () => undefined);
  }

  private async sendWaiting(): Promise<void> {
    // The connection of the commit is given back to the pool first, and so need not be a second one.
    await new Promise((resolve) => setImmediate(resolve));
    await this.sendNow();
    this.underWay = undefined;
    if (!this.closed) {
      this.pace = setTimeout(() => {
        this.pace = undefined;
        this.events(0n);
      }, PACE_MS);
    }
  }

  private async sendNow(): Promise<void> {
    const lanes = this.waiting;
    this.waiting = 0n;
    if (lanes !== 0n) {
      await this.send(toPayload({ kind: 'events', lanes }));
    }
  }

  private async send(payload: string): Promise<void> {
    try {
      await this.inOwnContext(() => notify(this.dataSource, this.tables, payload));
    } catch {
      // The poll finds what it was about.
    }
  }
}
