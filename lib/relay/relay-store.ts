import type { DataSource } from 'typeorm';
import { deleteRewinds } from '../store/delete-rewinds';
import { FetchDueRetries } from '../store/fetch-due-retries';
import { FetchPending, type FetchedBatch, type PendingQuery, type RewindRequest } from '../store/fetch-pending';
import type { OutboxTables } from '../store/outbox-tables';
import type { PendingEvent } from '../store/pending-event';
import { RipenDelayed } from '../store/ripen-delayed';

/** What the relay reads, on its data source. */
export class RelayStore {
  private readonly pending: FetchPending;
  private readonly retries: FetchDueRetries;
  private readonly delayed: RipenDelayed;

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    arePrepared: boolean,
  ) {
    this.pending = new FetchPending(tables, arePrepared);
    this.retries = new FetchDueRetries(tables, arePrepared);
    this.delayed = new RipenDelayed(tables, arePrepared);
  }

  fetch(query: PendingQuery): Promise<FetchedBatch> {
    return this.pending.run(this.dataSource, query);
  }

  dueRetries(lanes: readonly number[], limit: number, maxBytes: number): Promise<readonly PendingEvent[]> {
    return this.retries.run(this.dataSource, lanes, limit, maxBytes);
  }

  /** Lets delayed events whose time has come take part; returns how many. */
  ripen(lanes: readonly number[], limit: number): Promise<number> {
    return this.delayed.run(this.dataSource, lanes, limit);
  }

  deleteRewinds(owner: string, requests: readonly RewindRequest[]): Promise<void> {
    return deleteRewinds(this.dataSource, this.tables, owner, requests);
  }
}
