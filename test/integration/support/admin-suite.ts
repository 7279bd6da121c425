import { OutboxDeadLetters } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from './database';
import { emptyOutbox, idsIn } from './dead-letters';
import { startOutboxApp, type OutboxApp } from './outbox-app';

/** One database and one application, which only writes, for all tests of a suite about dead letters. Each test finds the tables empty. */
export class AdminSuite {
  database!: TestDatabase;
  app!: OutboxApp;
  deadLetters!: OutboxDeadLetters;

  /** Adds the hooks that start, empty and end it to the suite that is being declared. */
  static declare(): AdminSuite {
    const suite = new AdminSuite();
    beforeAll(async () => {
      suite.database = await createDatabase();
      suite.app = await startOutboxApp({ url: suite.database.url });
      suite.deadLetters = suite.app.module.get(OutboxDeadLetters);
    });
    beforeEach(() => emptyOutbox(suite.database));
    afterAll(async () => {
      await suite.app?.close();
      await suite.database?.drop();
    });
    return suite;
  }

  /** The ids of all dead letters, in the order of the outbox. */
  dead(): Promise<string[]> {
    return idsIn(this.database, 'event_outbox_dead_letter');
  }

  /** The ids of all events, in the order of the outbox. */
  inOutbox(): Promise<string[]> {
    return idsIn(this.database, 'event_outbox');
  }
}
