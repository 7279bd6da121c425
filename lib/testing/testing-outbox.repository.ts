import { optionRules } from '../config/option-rules';
import type { OutboxEvent } from '../interfaces/outbox-event';
import type { OutboxStats } from '../interfaces/outbox-stats';
import type { EventOutbox } from '../store/event-outbox.entity';
import type { OutboxTransactions } from '../transaction/outbox-transactions';
import { assertEventId } from '../write/event-rules';
import { OutboxRepository } from '../write/outbox.repository';
import { prepareEvents } from '../write/prepare-events';

/** An event that was added in a test, with its id. */
export type RecordedEvent = OutboxEvent & { readonly id: string };

/**
 * Stands in for the outbox in unit tests: it checks events as the real one does and keeps them in a list. It has no transaction, so that it
 * takes events outside of `@Outboxed`, too.
 */
export class TestingOutboxRepository extends OutboxRepository {
  private recorded: RecordedEvent[] = [];

  constructor(private readonly transactions: OutboxTransactions) {
    super();
  }

  /** What was added, in order. */
  get events(): readonly RecordedEvent[] {
    return this.recorded;
  }

  /** Forgets what was added. */
  clear(): void {
    this.recorded = [];
  }

  async addEvent(event: OutboxEvent): Promise<string> {
    const [id] = await this.addEvents([event]);
    return id as string;
  }

  addEvents(events: readonly OutboxEvent[]): Promise<string[]> {
    return Promise.resolve().then(() => {
      const prepared = prepareEvents(events, optionRules.maxEventBytes.default);
      prepared.forEach(({ id, eventData, availableAt }, index) => {
        // As a consumer will see it: changes to the objects after this moment have no effect.
        const event = {
          ...(events[index] as OutboxEvent),
          id,
          eventData: JSON.parse(eventData) as unknown,
          ...(availableAt === null ? {} : { availableAt: new Date(availableAt) }),
        };
        this.recorded.push(event);
        if (this.transactions.active) {
          this.transactions.afterRollback(() => this.remove(event));
        }
      });
      return prepared.map(({ id }) => id);
    });
  }

  /** Always null: stored rows exist only in a database. Look at {@link TestingOutboxRepository.events}. */
  getEventById(id: string): Promise<EventOutbox | null> {
    return Promise.resolve().then(() => {
      assertEventId(id);
      return null;
    });
  }

  /** Always empty: stored rows exist only in a database. Look at {@link TestingOutboxRepository.events}. */
  getUnpublishedEvents(): Promise<EventOutbox[]> {
    return Promise.resolve([]);
  }

  stats(): Promise<OutboxStats> {
    const none = { failing: 0, delayed: 0, published: 0, deadLetters: 0, oldestPendingSeconds: 0 };
    return Promise.resolve({ ...none, pending: this.recorded.length });
  }

  private remove(event: RecordedEvent): void {
    this.recorded = this.recorded.filter((kept) => kept !== event);
  }
}
