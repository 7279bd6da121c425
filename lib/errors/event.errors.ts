import { OutboxError } from './outbox.error';

/** One or more events cannot be stored as given; nothing was written. The message lists every fault of every event. */
export class OutboxEventInvalidError extends OutboxError {
  readonly code = 'OUTBOX_EVENT_INVALID';

  /** @param faults one sentence for each fault, beginning with the place, such as `events[2].topic` */
  constructor(readonly faults: readonly string[]) {
    super(`Nothing was added to the outbox:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}

/** An event with this id is in the outbox already. PostgreSQL has aborted the transaction: let it roll back. */
export class OutboxEventIdTakenError extends OutboxError {
  readonly code = 'OUTBOX_EVENT_ID_TAKEN';

  constructor(detail: string, cause: unknown) {
    super(
      `An event with the same id is in the outbox already (${detail}), and consumers tell events apart by their id. ` +
        'Leave the id out to get a new one, or do not add the event a second time. The transaction can only be rolled back.',
      { cause },
    );
  }
}

/** An argument of a reading method is wrong; no statement was run. */
export class OutboxArgumentInvalidError extends OutboxError {
  readonly code = 'OUTBOX_ARGUMENT_INVALID';
}
