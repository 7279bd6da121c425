import { OutboxError } from './outbox.error';

/** There is no dead letter with this id: it never was one, or somebody has replayed or discarded it. Nothing was changed. */
export class OutboxDeadLetterNotFoundError extends OutboxError {
  readonly code = 'OUTBOX_DEAD_LETTER_NOT_FOUND';

  constructor(readonly id: string) {
    super(
      `There is no dead letter with the id ${id}. It may have been replayed or discarded already, or its time in the table ` +
        '(retention.deadLetterDays) is over.',
    );
  }
}

/** The outbox holds an event with the id or the position of a dead letter, so that it cannot come back. Nothing was changed. */
export class OutboxReplayConflictError extends OutboxError {
  readonly code = 'OUTBOX_REPLAY_CONFLICT';

  constructor(readonly id: string) {
    super(
      `The dead letter ${id} cannot be replayed: the outbox holds an event with the same id, or at the same position. If the event ` +
        'was added a second time, discard the dead letter.',
    );
  }
}
