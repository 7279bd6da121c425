import type {
  DeadLetter,
  DeadLetterDiscard,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterReplay,
} from '../interfaces/dead-letter';

/**
 * The events that were given up, and what an operator can do about them. Inject it by this class (of another data source:
 * `@InjectDeadLetters('name')`); it is abstract, so that tests can put a mock in its place.
 *
 * Each method is one statement. It joins the transaction that the calling code runs in, and else commits by itself. What it changes the relay
 * sees after the commit; until then a lane whose key is let go is locked, so keep such a transaction short.
 */
export abstract class OutboxDeadLetters {
  /**
   * A page of dead letters, in the order of the outbox. With a filter a page may be short, even empty, although there is a next one:
   * one call looks at a bounded number of them, and `next` says how far it has come. An event that dies meanwhile may lie before that place.
   *
   * @throws OutboxArgumentInvalidError if the query is not as {@link DeadLetterQuery} has it
   */
  abstract list(query?: DeadLetterQuery): Promise<DeadLetterPage>;

  /**
   * The dead letter with this id; null if there is none.
   *
   * @throws OutboxArgumentInvalidError if the id is not a UUID
   */
  abstract get(id: string): Promise<DeadLetter | null>;

  /**
   * Brings a dead letter back into the outbox, to be delivered: the same event, with the header `outbox-replay`. Its attempts count from the
   * beginning. If it held its key, later events of the key follow it.
   *
   * @returns the id of the replay, which is the value of that header
   * @throws OutboxDeadLetterNotFoundError if there is no such dead letter
   * @throws OutboxReplayConflictError if the outbox holds an event of the same id or position
   * @throws OutboxArgumentInvalidError if the id is not a UUID
   */
  abstract replay(id: string): Promise<string>;

  /**
   * Replays several dead letters in one statement, under one replay id. What cannot be replayed is reported, and the others are.
   *
   * @param ids at most 1000
   * @throws OutboxArgumentInvalidError if one of the ids is not a UUID, or there are too many
   */
  abstract replayMany(ids: readonly string[]): Promise<DeadLetterReplay>;

  /**
   * Deletes a dead letter: the event is never delivered. If it held its key, later events of the key go on.
   *
   * @returns whether there was such a dead letter; afterwards there is none in any case
   * @throws OutboxArgumentInvalidError if the id is not a UUID
   */
  abstract discard(id: string): Promise<boolean>;

  /**
   * Deletes several dead letters in one statement.
   *
   * @param ids at most 1000
   * @throws OutboxArgumentInvalidError if one of the ids is not a UUID, or there are too many
   */
  abstract discardMany(ids: readonly string[]): Promise<DeadLetterDiscard>;

  /**
   * Lets later events of a key go on, and leaves its dead letters where they are, to be decided about later. A replay then comes after events
   * that were later than it.
   *
   * @returns how many dead letters have held the key
   * @throws OutboxArgumentInvalidError if the key is not a text
   */
  abstract release(eventKey: string): Promise<number>;
}
