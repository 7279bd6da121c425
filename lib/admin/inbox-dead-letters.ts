import type { InboxDeadLetter, InboxDeadLetterPage, InboxDeadLetterQuery } from '../interfaces/inbox-dead-letter';

/**
 * The messages that consumers have given up, and what an operator can do about them. Inject it by this class (of another data source:
 * `@InjectInboxDeadLetters('name')`).
 */
export abstract class InboxDeadLetters {
  /**
   * A page of dead letters, in the order in which they were given up.
   *
   * @throws OutboxArgumentInvalidError if the query is not as {@link InboxDeadLetterQuery} has it
   */
  abstract list(query?: InboxDeadLetterQuery): Promise<InboxDeadLetterPage>;

  /**
   * Has a dead letter handled after all: in one transaction it is deleted and the handler runs, with what repositories, `@Outboxed` methods and `addEvent`
   * inside do. If the handler fails, it stays, and the error is thrown. It comes after what its consumer has handled meanwhile.
   *
   * @param seq its number, as `list` gives it
   * @throws InboxDeadLetterNotFoundError if there is none, or another operator is having it handled and succeeds
   */
  abstract handle<T>(seq: string, handler: (letter: InboxDeadLetter) => T | Promise<T>): Promise<T>;

  /**
   * Deletes a dead letter: the message is never handled.
   *
   * @returns whether there was such a dead letter; afterwards there is none in any case
   */
  abstract discard(seq: string): Promise<boolean>;
}
