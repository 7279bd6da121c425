/**
 * Base of every error that this package throws on purpose: catch it, or look at its {@link OutboxError.code}.
 *
 * The message says what happened, why it is refused and what to do instead.
 */
export abstract class OutboxError extends Error {
  /** Stable, machine-readable name of the error, such as `OUTBOX_TRANSACTION_REQUIRED`. */
  abstract readonly code: string;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}
