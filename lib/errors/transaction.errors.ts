import { OutboxError } from './outbox.error';

/** Something that belongs into a transaction was asked for where none is open. */
export class OutboxTransactionRequiredError extends OutboxError {
  readonly code = 'OUTBOX_TRANSACTION_REQUIRED';

  /** @param what what was asked for, to stand before "only inside a transaction" */
  constructor(dataSource: string, what = 'An event can be added') {
    super(
      `${what} only inside a transaction of the data source "${dataSource}"; none is open here. Decorate the service method with @Outboxed(), or ` +
        'wrap the code in dataSource.transaction(async () => { ... }). (An event commits or rolls back with the rows that it tells of.)',
    );
  }
}

/** A statement came from the code of a transaction that has already ended. It was not run. */
export class OutboxTransactionEndedError extends OutboxError {
  readonly code = 'OUTBOX_TRANSACTION_ENDED';

  constructor(dataSource: string, outcome: 'ending' | 'committed' | 'rolled back') {
    const ended = {
      ending: 'is just being ended',
      committed: 'has already committed',
      'rolled back': 'was already rolled back',
    };
    super(
      `A statement was started by code that belongs to a transaction of the data source "${dataSource}" which ${ended[outcome]}; ` +
        'it would have run outside of it. A promise inside that transaction is not awaited: the stack of this error leads to the call. ' +
        'Put an await before it; or, if it is a member of a Promise.all of which another member failed, use Promise.allSettled.',
    );
  }
}

/** A joined transaction has another isolation level than was asked for. Nothing was run. */
export class OutboxIsolationMismatchError extends OutboxError {
  readonly code = 'OUTBOX_ISOLATION_MISMATCH';

  constructor(dataSource: string, actual: string, wanted: string) {
    super(
      `The isolation level ${wanted} was asked for, but the current transaction of the data source "${dataSource}" runs at ${actual}, and ` +
        'that cannot be changed once it has begun. Begin it at that level, leave the level out here, or use propagation: "REQUIRES_NEW".',
    );
  }
}

/** PostgreSQL answered COMMIT with ROLLBACK: an earlier statement had failed, and the error was swallowed. Nothing was written. */
export class OutboxTransactionAbortedError extends OutboxError {
  readonly code = 'OUTBOX_TRANSACTION_ABORTED';

  constructor() {
    super(
      'The transaction was rolled back, not committed: a statement in it had failed, which aborts a PostgreSQL transaction, and its error was ' +
        'caught and not passed on. Let the error out; or run the statement that may fail in a savepoint, with propagation: "NESTED" or ' +
        'manager.transaction(...).',
    );
  }
}

/** A transaction that was handed over belongs to another data source. */
export class OutboxForeignTransactionError extends OutboxError {
  readonly code = 'OUTBOX_FOREIGN_TRANSACTION';

  constructor(dataSource: string) {
    super(
      `The transaction that was handed over does not belong to the data source "${dataSource}", which holds this outbox. Hand over a query runner ` +
        "or manager of that data source, or use the outbox of the other one (@InjectOutbox('name')).",
    );
  }
}

/** An independent transaction was to begin inside another one, and the pool has one connection. It would have waited for ever. */
export class OutboxPoolTooSmallError extends OutboxError {
  readonly code = 'OUTBOX_POOL_TOO_SMALL';

  constructor(dataSource: string) {
    super(
      `An independent transaction inside another one needs a second connection, and the pool of the data source "${dataSource}" has only one. ` +
        'Raise poolSize (each level of nesting needs one more for each concurrent request), or use propagation: "NESTED" or "REQUIRED".',
    );
  }
}

/** What came at the wrong time: a statement from outside of an open savepoint, or the end of the code around it. */
export type OverlapKind = 'statement' | 'end';

/** A savepoint was open beside other code of its transaction. A statement of that code was not run, or the transaction is rolled back. */
export class OutboxSavepointOverlapError extends OutboxError {
  readonly code = 'OUTBOX_SAVEPOINT_OVERLAP';

  constructor(dataSource: string, what: OverlapKind) {
    const happened = {
      statement:
        'A statement was started while other code of its transaction had a savepoint open (propagation: "NESTED" or manager.transaction). Both ' +
        'use one connection, so it would have become part of the savepoint, and have been lost if that is rolled back.',
      end:
        'The code of a transaction or savepoint has ended while a savepoint inside it (propagation: "NESTED" or manager.transaction) was still ' +
        'open, so that what this one did would be committed in part.',
    };
    super(
      `${happened[what]} Await the savepoint before going on, and do not put it into a Promise.all with other work of the same transaction. ` +
        `(Data source "${dataSource}".)`,
    );
  }
}

/** Adding an event was the victim of a deadlock. PostgreSQL has aborted the transaction: let it roll back, and try it again. */
export class OutboxDeadlockError extends OutboxError {
  readonly code = 'OUTBOX_DEADLOCK';

  constructor(detail: string, cause: unknown) {
    super(
      'Two transactions waited for each other, and PostgreSQL has aborted this one while it was adding an event. Adding locks the ordering key until ' +
        'the transaction ends; the other one has taken the same rows and keys in the opposite order. Add events last, after all rows are ' +
        `written, and several events with one addEvents. The transaction can be tried again. (${detail})`,
      { cause },
    );
  }
}
