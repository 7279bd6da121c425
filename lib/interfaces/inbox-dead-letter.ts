/** A message that a consumer has given up. */
export interface InboxDeadLetter {
  /** Its number, in the order in which they were given up. */
  readonly seq: string;
  readonly consumer: string;
  readonly messageId: string;
  /** The operator's replay that was handled on its own; empty for the message itself. */
  readonly replayId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  /** As it was received; where Nest's transport had parsed it, as it writes it. */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Failed attempts. */
  readonly attempts: number;
  /** Why the last one failed. */
  readonly reason: string;
  readonly diedAt: Date;
}

/** Which dead letters to list. */
export interface InboxDeadLetterQuery {
  /** Those of this consumer; default: of all. */
  readonly consumer?: string | undefined;
  /** The `next` of the page before; default: from the beginning. */
  readonly after?: string | null | undefined;
  /** 1 to 1000. Default: `100`. */
  readonly limit?: number | undefined;
}

export interface InboxDeadLetterPage {
  readonly deadLetters: readonly InboxDeadLetter[];
  /** What to give as `after` for the next page; null: there is none. */
  readonly next: string | null;
}
