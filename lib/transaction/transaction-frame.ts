import type { QueryRunner } from 'typeorm';

/** What is called when a transaction has ended. What it returns is not waited for. */
export type TransactionHook = () => unknown;

export type TransactionOutcome = 'ending' | 'committed' | 'rolled back';

/** A transaction, or a savepoint inside one, as long as its code runs; and after that, so that stray code can be told off. */
export class TransactionFrame {
  private readonly afterCommit = new Set<TransactionHook>();
  private readonly afterRollback = new Set<TransactionHook>();
  private state: 'open' | TransactionOutcome = 'open';
  private keysAreLocked = false;
  private isUncertain = false;

  constructor(
    /** The real runner, whose connection the transaction lives on. */
    readonly queryRunner: QueryRunner,
    /** The transaction or savepoint around this savepoint; none for a transaction. */
    readonly enclosing: TransactionFrame | undefined,
    /** The isolation level that was asked for at its start; undefined: the database's default, or it is a savepoint. */
    private readonly requestedIsolation: string | undefined,
    /** Whether it is a savepoint whose code runs in this frame, so that what comes from the frame around it is not meant for it. */
    readonly isEntered = false,
  ) {}

  /** How it ended; undefined while it is open. A savepoint ends with its transaction at the latest. */
  get outcome(): TransactionOutcome | undefined {
    return this.state === 'open' ? this.enclosing?.outcome : this.state;
  }

  /** The transaction that this is, or that this savepoint lies in. */
  get transaction(): TransactionFrame {
    return this.enclosing?.transaction ?? this;
  }

  get isolation(): string | undefined {
    return this.transaction.requestedIsolation;
  }

  /** Whether the transaction has locked ordering keys, as it has added events. */
  get holdsKeys(): boolean {
    return this.transaction.keysAreLocked;
  }

  /** Notes that the transaction has locked ordering keys; a savepoint that is rolled back may keep them. */
  keysLocked(): void {
    this.transaction.keysAreLocked = true;
  }

  /** Calls `hook` once, after the outermost transaction has committed, and never if this frame is rolled back. */
  onCommit(hook: TransactionHook): void {
    this.afterCommit.add(hook);
  }

  /** Calls `hook` once, after this frame or one around it was rolled back, and never if the outermost transaction commits. */
  onRollback(hook: TransactionHook): void {
    this.afterRollback.add(hook);
  }

  /** From here on its code is over: the statement that ends it is on its way. */
  end(): void {
    if (this.state === 'open') {
      this.state = 'ending';
    }
  }

  /** COMMIT was sent, and its answer lost: whether PostgreSQL has committed is not known. */
  leaveUncertain(): void {
    this.isUncertain = true;
  }

  /** A savepoint that is released hands its hooks to the frame around it; a transaction that commits gives them out to be called. */
  commit(): Iterable<TransactionHook> {
    this.state = 'committed';
    if (this.enclosing === undefined) {
      return this.afterCommit;
    }
    for (const hook of this.afterCommit) {
      this.enclosing.afterCommit.add(hook);
    }
    for (const hook of this.afterRollback) {
      this.enclosing.afterRollback.add(hook);
    }
    return [];
  }

  rollback(): Iterable<TransactionHook> {
    this.state = 'rolled back';
    return this.isUncertain ? [] : this.afterRollback;
  }
}
