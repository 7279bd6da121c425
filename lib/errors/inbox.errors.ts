import { OutboxError } from './outbox.error';

/** A consumer's options are wrong; the message lists every wrong one. Thrown while the class is being defined, or by the call that was given them. */
export class InboxOptionsInvalidError extends OutboxError {
  readonly code = 'OUTBOX_INBOX_OPTIONS_INVALID';

  /** @param faults one sentence for each wrong option: its name, its value, what is allowed */
  constructor(
    where: string,
    readonly faults: readonly string[],
  ) {
    super(`The options of ${where} are not valid:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}

/** A message has no id to know it by. It was not handled; the attempt counts like any other failure. */
export class InboxMessageIdMissingError extends OutboxError {
  readonly code = 'OUTBOX_INBOX_MESSAGE_ID_MISSING';

  constructor(
    place: string,
    why = 'it has neither a header ce_id nor a header id, and no option "id" gives one',
    options?: { cause?: unknown },
  ) {
    super(
      `The message at ${place} has no id to know it by: ${why}. Let its producer set one; or give id: (message) => ... with 1 to 255 characters that are the same at ` +
        "each delivery; or withoutId: 'process', if handling it twice does no harm.",
      options,
    );
  }
}

/** Another delivery of the message is just being handled, and `whileBusy` is `refuse`. It was not handled, and no attempt was counted. */
export class InboxMessageBusyError extends OutboxError {
  readonly code = 'OUTBOX_INBOX_MESSAGE_BUSY';

  constructor(place: string) {
    super(
      `Another delivery of the message at ${place} is just being handled. Let the broker deliver it again, which this error does if it leaves the ` +
        "consumer's handler; or wait for the other one with whileBusy: 'wait'.",
    );
  }
}

/** The consumer was told to stop in the middle of a batch. What was handled is resolved; the rest is delivered again. */
export class InboxBatchStoppedError extends OutboxError {
  readonly code = 'OUTBOX_INBOX_BATCH_STOPPED';

  constructor(place: string) {
    super(
      `The consumer of ${place} stops in the middle of a batch. Let this error leave eachBatch: if that returned, kafkajs would take the rest of the batch for ` +
        'handled, unless eachBatchAutoResolve is false.',
    );
  }
}

/** A method with `@IdempotentConsumer` was called with nothing that says which message it handles. */
export class InboxMessageNotFoundError extends OutboxError {
  readonly code = 'OUTBOX_INBOX_MESSAGE_NOT_FOUND';

  constructor(method: string) {
    super(
      `${method} is decorated with @IdempotentConsumer(), and none of its arguments says which message it handles. Let Nest hand over the context, ` +
        'with a parameter @Ctx() context: KafkaContext; or call it with the payload of eachMessage of kafkajs.',
    );
  }
}

/** There is no dead letter of the inbox with this number; another operator may have decided. */
export class InboxDeadLetterNotFoundError extends OutboxError {
  readonly code = 'OUTBOX_INBOX_DEAD_LETTER_NOT_FOUND';

  constructor(seq: string) {
    super(
      `There is no dead letter ${seq} in the inbox: it was handled or discarded meanwhile. List the dead letters again.`,
    );
  }
}
