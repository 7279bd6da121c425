import { TypeOrmModule } from '@nestjs/typeorm';
import { Inbox, type InboxConsumerOptions, type InboxOutcome, type InboxPayload } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from './database';
import { Effect } from './effect.entity';
import { eventually } from './eventually';
import { idOf } from './inbox-messages';
import { anEvent, startOutboxApp, type OutboxApp, type OutboxAppOptions } from './outbox-app';

/** The consumer, where a test names no other. */
export const CONSUMER = 'shipping';

/** What is there of messages, by their ids. */
export interface Left {
  /** Those that count as handled. */
  readonly handled: readonly string[];
  /** Rows of handlers. */
  readonly effects: readonly string[];
  /** Events of handlers. */
  readonly events: readonly string[];
}

/** Handled once, with a row and an event each. */
export const once = (...ids: string[]): Left => ({ handled: ids, effects: ids, events: ids });

export const nothing = once();

/** A message that was handled, or has failed. */
export interface InboxRecord {
  readonly consumer: string;
  readonly id: string;
  readonly replayId: string;
  readonly handled: boolean;
  readonly attempts: number;
  readonly reason: string | null;
}

/** An application with an inbox and {@link Effect}; it delivers nothing unless told otherwise. */
export function startInboxApp({ imports = [], ...options }: OutboxAppOptions): Promise<OutboxApp> {
  return startOutboxApp({ ...options, imports: [TypeOrmModule.forFeature([Effect]), ...imports] });
}

/** One database and one application with an inbox for all tests of a suite. Each test finds the tables empty. */
export class InboxSuite {
  database!: TestDatabase;
  app!: OutboxApp;
  private loggedBefore = 0;

  /** Adds the hooks that start, empty and end it to the suite that is being declared. */
  static declare(options: Partial<OutboxAppOptions> = {}): InboxSuite {
    const suite = new InboxSuite();
    beforeAll(async () => {
      suite.database = await createDatabase();
      suite.app = await startInboxApp({ url: suite.database.url, ...options });
    });
    beforeEach(async () => {
      await suite.database.query('truncate effect, event_inbox, event_inbox_dead_letter, event_outbox');
      suite.loggedBefore = suite.app.logs.length;
    });
    afterAll(async () => {
      await suite.app?.close();
      await suite.database?.drop();
    });
    return suite;
  }

  /** What was logged in this test. */
  get logs(): readonly string[] {
    return this.app.logs.slice(this.loggedBefore);
  }

  get inbox(): Inbox {
    return this.app.module.get(Inbox);
  }

  /** Has a record handled, by {@link ship} unless told otherwise. */
  deliver<T = void>(
    record: InboxPayload,
    handler: () => T | Promise<T> = () => this.ship(idOf(record.message)) as Promise<T>,
    options: Partial<InboxConsumerOptions> = {},
  ): Promise<InboxOutcome<T>> {
    return this.inbox.process(record, handler, { consumer: CONSUMER, ...options });
  }

  /** What a handler does: a row, and an event. */
  ship(id: string): Promise<void> {
    return shipIn(this.app, id);
  }

  /** A handler that does that, and then fails. */
  shipThenFail(id: string, error: unknown): () => Promise<never> {
    return async () => {
      await this.ship(id);
      throw error;
    };
  }

  /** As another connection sees it. */
  left(): Promise<Left> {
    return leftIn(this.database);
  }

  records(): Promise<InboxRecord[]> {
    return this.database.query<InboxRecord>(
      `select consumer, message_id as id, replay_id as "replayId", processed_at is not null as handled, attempts::int as attempts,
              last_error as reason
       from event_inbox order by consumer, message_id, replay_id`,
    );
  }

  /** Waits until so many connections wait for another one's transaction. */
  async waiting(count = 1): Promise<void> {
    await eventually(`${count} connections to wait`, async () => {
      const rows = await this.database.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length === count;
    });
  }
}

/** The same in another application. */
export async function shipIn({ dataSource, outbox }: OutboxApp, id: string): Promise<void> {
  await dataSource.getRepository(Effect).insert({ eventId: id });
  await outbox.addEvent(anEvent({ aggregateId: id }));
}

/** What is there of messages in a database, as another connection sees it. */
export async function leftIn(database: Pick<TestDatabase, 'query'>): Promise<Left> {
  const [left] = await database.query<Left>(
    `select array(select message_id::text from event_inbox where processed_at is not null order by 1) as handled,
            array(select event_id from effect order by 1) as effects,
            array(select aggregate_id::text from event_outbox where aggregate_type = 'item' order by 1) as events`,
  );
  return left!;
}
