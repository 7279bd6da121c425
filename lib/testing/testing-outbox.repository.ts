import { validate as isUuid } from 'uuid';
import { optionRules } from '../config/option-rules';
import type { OutboxEvent } from '../interfaces/outbox-event';
import type { OutboxStats } from '../interfaces/outbox-stats';
import type { EventOutbox } from '../store/event-outbox.entity';
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

  /** What was added, in order. */
  get events(): readonly RecordedEvent[] {
    return this.recorded;
  }

  /** Forgets what was added. */
  clear(): void {
    this.recorded = [];
  }

  /** Takes back what was added since there were `length` events, as a rollback does. */
  rollbackTo(length: number): void {
    this.recorded = this.recorded.slice(0, length);
  }

  async addEvent(event: OutboxEvent): Promise<string> {
    const [id] = await this.addEvents([event]);
    return id as string;
  }

  addEvents(events: readonly OutboxEvent[]): Promise<string[]> {
    return Promise.resolve().then(() => {
      const prepared = prepareEvents(events, optionRules.maxEventBytes.default);
      this.recorded.push(...events.map((event, index) => ({ ...event, id: prepared[index]?.id as string })));
      return prepared.map(({ id }) => id);
    });
  }

  /** Always null: stored rows exist only in a database. Look at {@link TestingOutboxRepository.events}. */
  getEventById(id: string): Promise<EventOutbox | null> {
    return isUuid(id) ? Promise.resolve(null) : Promise.reject(new Error(`${id} is not a UUID`));
  }

  /** Always empty: stored rows exist only in a database. Look at {@link TestingOutboxRepository.events}. */
  getUnpublishedEvents(): Promise<EventOutbox[]> {
    return Promise.resolve([]);
  }

  stats(): Promise<OutboxStats> {
    return Promise.resolve({ pending: this.recorded.length, failing: 0, published: 0, oldestPendingSeconds: 0 });
  }
}
