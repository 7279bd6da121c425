import type { QueryRunner } from 'typeorm';

/** A transaction, or a savepoint inside one, as long as its code runs; and after that, so that stray code can be told off. */
export class TransactionFrame {
  private readonly afterCommit = new Set<() => void>();
  private ended: 'committed' | 'rolled back' | undefined;

  constructor(
    /** The real runner, whose connection the transaction lives on. */
    readonly queryRunner: QueryRunner,
    /** The transaction or savepoint around this savepoint; none for a transaction. */
    readonly enclosing: TransactionFrame | undefined,
  ) {}

  /** How it ended; undefined while it is open. A savepoint ends with its transaction at the latest. */
  get outcome(): 'committed' | 'rolled back' | undefined {
    return this.ended ?? this.enclosing?.outcome;
  }

  /** Calls `hook` once, after the outermost transaction has committed, and never if this frame is rolled back. */
  onCommit(hook: () => void): void {
    this.afterCommit.add(hook);
  }

  /** A savepoint that is released hands its hooks to the frame around it; a transaction that commits gives them out to be called. */
  commit(): Iterable<() => void> {
    this.ended = 'committed';
    if (this.enclosing === undefined) {
      return this.afterCommit;
    }
    for (const hook of this.afterCommit) {
      this.enclosing.afterCommit.add(hook);
    }
    return [];
  }

  rollback(): void {
    this.ended = 'rolled back';
  }
}
