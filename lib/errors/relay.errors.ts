import { OutboxError } from './outbox.error';

/** `drain` was called where it is not known where to deliver to. */
export class OutboxNothingToDrainToError extends OutboxError {
  readonly code = 'OUTBOX_NOTHING_TO_DRAIN_TO';

  constructor(dataSource: string) {
    super(
      `drain() was called, and the outbox of data source "${dataSource}" does not know where to deliver to. Give OutboxModule the option kafka ` +
        '(or publisher) as well; with relay: false it is used by drain() alone.',
    );
  }
}
