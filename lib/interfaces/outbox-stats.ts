/** State of the outbox, counted in the table. */
export interface OutboxStats {
  /** Committed events that are not yet delivered, those that wait for a retry included. */
  pending: number;
  /** Those of the pending events whose last attempt was refused. */
  failing: number;
  /** Delivered events that are still kept in the table. */
  published: number;
  /** Age of the oldest pending event in seconds; 0 if none is pending. */
  oldestPendingSeconds: number;
}
