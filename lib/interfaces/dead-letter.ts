/** An event that was given up, as `OutboxDeadLetters` shows it. */
export interface DeadLetter {
  /** The event's identity for consumers. */
  readonly id: string;
  /** Its position in the outbox, to which a replay brings it back: a whole number, as text. */
  readonly seq: string;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly eventType: string;
  readonly topic: string;
  readonly eventKey: string;
  /** The JSON text as it is stored, and not parsed: a parser would round long numbers. */
  readonly eventData: string;
  /** Those that the writer gave; after an earlier replay `outbox-replay` as well. */
  readonly headers: Readonly<Record<string, string>> | null;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  /** When the event was added. */
  readonly createdAt: Date;
  /** The delay that was asked for. */
  readonly availableAt: Date | null;
  /** How often the broker has refused it. */
  readonly attempts: number;
  /** Why it was refused at last. */
  readonly reason: string;
  readonly diedAt: Date;
  /** Whether later events of its key wait until somebody has decided (`afterDeadLetter: 'hold'`). */
  readonly holdsKey: boolean;
}

/** Which dead letters to list. */
export interface DeadLetterQuery {
  /** Where the page before has ended: its `next`. Default, and null: from the beginning. */
  after?: string | null;
  /** Most dead letters of the page, 1 to 1000. Default: 100. */
  limit?: number;
  /** Only those of this topic. */
  topic?: string;
  /** Only those of this ordering key. */
  eventKey?: string;
  /** Only those of this type. */
  eventType?: string;
}

/** Some dead letters, in the order of the outbox. */
export interface DeadLetterPage {
  /** May be fewer than asked for, or none, although there is a next page: what is looked at for one page is bounded. */
  readonly deadLetters: readonly DeadLetter[];
  /** What to give as `after` for the next page; null if this was the last one. */
  readonly next: string | null;
}

/** What became of dead letters that were to be replayed. Ids are in lower case, in the order in which they were given. */
export interface DeadLetterReplay {
  /** Stands in the header `outbox-replay` of each record. */
  readonly replayId: string;
  /** Those that are in the outbox again. */
  readonly replayed: readonly string[];
  /** Those that stay dead letters, as the outbox holds an event of the same id or position. */
  readonly conflicts: readonly string[];
  /** Those that are no dead letters (any more). */
  readonly notFound: readonly string[];
}

/** What became of dead letters that were to be discarded. Ids are in lower case, in the order in which they were given. */
export interface DeadLetterDiscard {
  readonly discarded: readonly string[];
  /** Those that are no dead letters (any more). */
  readonly notFound: readonly string[];
}
