/** State of the outbox, counted in its tables. */
export interface OutboxStats {
  /** Committed events that are not yet delivered, the failing and the delayed ones included. */
  pending: number;
  /** Those of the pending events that were refused, and wait for a retry. */
  failing: number;
  /** Those of the pending events whose asked-for delay is not over. */
  delayed: number;
  /** Delivered events that are still kept in the table. */
  published: number;
  /** Events that were given up, and wait for a decision: see `OutboxDeadLetters`. */
  deadLetters: number;
  /** Age of the oldest pending event in seconds, from the end of its delay if it had one; those still delayed are left out. 0 if there is none. */
  oldestPendingSeconds: number;
}
