import { OutboxError } from './outbox.error';

/** An event was added where no transaction is open. */
export class OutboxTransactionRequiredError extends OutboxError {
  readonly code = 'OUTBOX_TRANSACTION_REQUIRED';

  constructor(dataSource: string) {
    super(
      `An event can be added only inside a transaction of the data source "${dataSource}", so that it commits or rolls back ` +
        'with the rows it tells of; none is open here. Decorate the service method with @Outboxed(), or wrap the code in ' +
        'dataSource.transaction(async () => { ... }).',
    );
  }
}

/** A statement came from the code of a transaction that has already ended. */
export class OutboxTransactionEndedError extends OutboxError {
  readonly code = 'OUTBOX_TRANSACTION_ENDED';

  constructor(dataSource: string, outcome: 'committed' | 'rolled back') {
    super(
      `A statement was started by code that belongs to a transaction of the data source "${dataSource}" which has already ` +
        `${outcome}; it would have run outside of it. A promise inside that transaction is not awaited: look for a call ` +
        'without await, or a Promise.all of which one member failed while others went on (use Promise.allSettled).',
    );
  }
}
