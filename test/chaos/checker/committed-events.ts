import type { History, WrittenEvent, WrittenTransaction } from './history';

/** An event that committed, and its place in the order of commits. */
export interface CommittedEvent extends WrittenEvent {
  readonly transaction: WrittenTransaction;
  readonly committedAt: number;
  /** Place within its transaction. */
  readonly index: number;
}

/** The events that must be delivered, by id. */
export function committedEvents({ transactions }: Pick<History, 'transactions'>): Map<string, CommittedEvent> {
  const events = new Map<string, CommittedEvent>();
  for (const transaction of transactions) {
    const { committedAt } = transaction;
    if (committedAt !== null) {
      transaction.events.forEach((event, index) => events.set(event.id, { ...event, transaction, committedAt, index }));
    }
  }
  return events;
}

/** Whether an event must come before another one. Two transactions that committed in the same microsecond did not wait for each other. */
export function isBefore(event: CommittedEvent, other: CommittedEvent): boolean {
  return event.transaction === other.transaction ? event.index < other.index : event.committedAt < other.committedAt;
}
