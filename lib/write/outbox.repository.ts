import type { OutboxEvent } from '../interfaces/outbox-event';
import type { OutboxStats } from '../interfaces/outbox-stats';
import type { EventOutbox } from '../store/event-outbox.entity';
import type { OutboxTransaction } from '../transaction/outbox-transactions';

/**
 * The outbox as services use it. Inject it by this class (of another data source: `@InjectOutbox('name')`); it is abstract, so
 * that tests can replace it with `overrideProvider(OutboxRepository)` or a mock of their choice.
 */
export abstract class OutboxRepository {
  /**
   * Adds an event to the current transaction: it is delivered if and only if the transaction commits.
   *
   * The ordering key stays locked until the transaction ends, so add events last.
   *
   * @param transaction the transaction to join; default: the one that the calling code runs in
   * @returns the event's id
   * @throws OutboxEventInvalidError if the event cannot be stored as given; nothing was written
   * @throws OutboxTransactionRequiredError if no transaction is open
   * @throws OutboxTransactionEndedError if the calling code has outlived its transaction
   * @throws OutboxEventIdTakenError if the outbox holds an event of that id
   */
  abstract addEvent(event: OutboxEvent, transaction?: OutboxTransaction): Promise<string>;

  /**
   * Adds several events in one statement; they keep their order. Better than several calls: fewer round trips, and no deadlock
   * between two writers that add the same keys in another order.
   *
   * @returns the events' ids, in their order
   * @throws as {@link OutboxRepository.addEvent}, with the faults of all events in one error
   */
  abstract addEvents(events: readonly OutboxEvent[], transaction?: OutboxTransaction): Promise<string[]>;

  /**
   * The stored event with this id; null if there is none. Inside a transaction its own uncommitted events are seen.
   *
   * @throws OutboxArgumentInvalidError if the id is not a UUID
   */
  abstract getEventById(id: string): Promise<EventOutbox | null>;

  /**
   * The oldest events that are not yet delivered, in the order of the outbox.
   *
   * @param limit most events to return, 1 to 10000; default 100
   * @throws OutboxArgumentInvalidError if the limit is out of range
   */
  abstract getUnpublishedEvents(limit?: number): Promise<EventOutbox[]>;

  /** Counts what is pending, failing and delivered. Walks the kept events: for people and health checks, not for each request. */
  abstract stats(): Promise<OutboxStats>;
}
