import type { InboxMessage } from '../interfaces/inbox-message';

/** Seconds since the event was added, or the record was written where it does not say; by the clocks of two machines, so never below 0. */
export function ageOf({ headers, timestamp }: InboxMessage, now: number): number {
  const added = Date.parse(headers['ce_time'] ?? '');
  const since = Number.isNaN(added) ? timestamp || now : added;
  return Math.max(0, now - since) / 1000;
}
