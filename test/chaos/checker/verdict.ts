/** Where the history breaks a promise. */
export type Violation =
  /** Committed, and not in the topic, or read by no consumer. */
  | 'lost'
  /** Delivered or given up, although it never committed. */
  | 'phantom'
  /** First delivered after an event of its key and topic that committed later. */
  | 'inversion'
  /** Not the bytes that were written, or a redelivery that differs from the first delivery. */
  | 'differing'
  /** Delivered again, with no fault near that explains it. */
  | 'unexplained duplicate'
  /** Given up, although the broker would have taken it. */
  | 'dead without a cause'
  /** Settled a second time, or by a relay that did not own its lane. */
  | 'settled by two'
  /** The writer was told another outcome than the one that PostgreSQL knows. */
  | 'told wrongly'
  /** Delivered to a topic, and no consumer has done anything for it. */
  | 'inbox lost'
  /** Done more than once. */
  | 'inbox twice'
  /** Done after something of its key that stands later in the topic. */
  | 'inbox inversion';

export const violations: readonly Violation[] = [
  'lost',
  'phantom',
  'inversion',
  'differing',
  'unexplained duplicate',
  'dead without a cause',
  'settled by two',
  'told wrongly',
  'inbox lost',
  'inbox twice',
  'inbox inversion',
];

export interface Verdict {
  /** Events of transactions that committed. */
  readonly committed: number;
  /** Events of transactions or savepoints that rolled back. */
  readonly rolledBack: number;
  /** Further deliveries of an event, explained or not. */
  readonly duplicates: number;
  readonly deadLetters: number;
  /** What consumers have done. */
  readonly effects: number;
  /** Reads of a record that one of the consumers had read, and was done with, before. */
  readonly readAgain: number;
  readonly counts: Readonly<Record<Violation, number>>;
  /** The first few of each. */
  readonly examples: readonly string[];
}

const EXAMPLES_OF_EACH = 5;

/** Counts violations and keeps a few to show. */
export class Findings {
  private readonly found = new Map<Violation, string[]>(violations.map((violation) => [violation, []]));
  private readonly numbers = new Map<Violation, number>();

  add(violation: Violation, example: string): void {
    this.numbers.set(violation, (this.numbers.get(violation) ?? 0) + 1);
    const examples = this.found.get(violation);
    if (examples !== undefined && examples.length < EXAMPLES_OF_EACH) {
      examples.push(`${violation}: ${example}`);
    }
  }

  get counts(): Record<Violation, number> {
    return Object.fromEntries(violations.map((violation) => [violation, this.numbers.get(violation) ?? 0])) as Record<
      Violation,
      number
    >;
  }

  get examples(): string[] {
    return [...this.found.values()].flat();
  }
}
