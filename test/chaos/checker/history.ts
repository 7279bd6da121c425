/** What is known when a run is over. The checker decides from this alone, and knows nothing of the product. */
export interface History {
  readonly transactions: readonly WrittenTransaction[];
  /** What the topics hold, each partition in the order of its offsets. */
  readonly records: readonly TopicRecord[];
  /** What the consumers have read and handled, in any order, each time. */
  readonly consumed: Iterable<ConsumedRecord>;
  /** What the consumers have done, in the order in which they did it. */
  readonly effects: readonly Effect[];
  /** Each time that the table was told that an event was delivered or given up, as a trigger saw it. */
  readonly settlements: readonly Settlement[];
  readonly deadLetters: readonly DeadLetter[];
  /** Events that are still to be delivered. */
  readonly pending: readonly string[];
  readonly faults: readonly FaultSpan[];
}

/** A transaction as its writer meant it, with the outcome that PostgreSQL knows. */
export interface WrittenTransaction {
  readonly name: string;
  /** In the order in which they were added; without those of savepoints that were rolled back. */
  readonly events: readonly WrittenEvent[];
  /** How many events savepoints undid that were rolled back. */
  readonly undone: number;
  /** When it committed, in microseconds by the server's clock; null: it did not. */
  readonly committedAt: number | null;
  /** What the writer was told, if it was told anything. */
  readonly told: 'committed' | 'rolled back' | undefined;
}

export interface WrittenEvent {
  readonly id: string;
  readonly key: string;
  readonly topic: string;
  /** Hash of the payload's bytes. */
  readonly value: string;
  /** Whether it was not to be delivered at once: then it is no part of its key's order. */
  readonly delayed: boolean;
  /** Whether the broker must refuse it for ever. */
  readonly poison: boolean;
}

export interface TopicRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When the broker appended it, in milliseconds. */
  readonly at: number;
  readonly id: string;
  readonly key: string;
  /** Hash of the value's bytes. */
  readonly value: string;
  /** Hash of the headers' names and bytes. */
  readonly headers: string;
}

export interface ConsumedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** What a consumer has done for an event, and its transaction has committed. */
export interface Effect {
  /** Of the event. */
  readonly id: string;
  /** The process that did it, by its name. */
  readonly by: string;
}

export interface Settlement {
  readonly id: string;
  /** The process that did it, by its name. */
  readonly by: string;
  /** Who owned the event's lane in that moment. */
  readonly laneOwner: string | null;
}

export interface DeadLetter {
  readonly id: string;
  readonly reason: string;
}

/** Something that was done to the parts, from when until when (milliseconds); once it is over, things go on by themselves. */
export interface FaultSpan {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  /** Whether a delivery can be repeated because of it. */
  readonly repeats: boolean;
}
