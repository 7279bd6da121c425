import type { TestDatabase } from './database';
import { createDatabase } from './database';
import { startOutboxApp, type OutboxApp, type OutboxAppOptions } from './outbox-app';
import { stored, Writers, writers } from './writers';

/** One database and one application with {@link Writers} for all tests of a suite. */
export class TransactionSuite {
  database!: TestDatabase;
  app!: OutboxApp;
  writers!: Writers;

  /** Adds the hooks that start and end it to the suite that is being declared. */
  static declare(options: Partial<OutboxAppOptions> = {}): TransactionSuite {
    const suite = new TransactionSuite();
    beforeAll(() => suite.start(options));
    afterAll(() => suite.end());
    return suite;
  }

  /** Saves a row with an injected repository, and adds an event of the same name. */
  async write(id: string): Promise<void> {
    await this.writers.items.save({ id });
    await this.writers.addEvent(id);
  }

  /** What of a prefix is there, as another connection sees it. */
  stored(prefix: string): Promise<{ rows: string[]; events: string[] }> {
    return stored(this.database, prefix);
  }

  private async start({ providers = [], typeorm = {}, ...options }: Partial<OutboxAppOptions>): Promise<void> {
    this.database = await createDatabase();
    this.app = await startOutboxApp({
      url: this.database.url,
      typeorm: { entities: writers.entities, ...typeorm },
      providers: [...writers.providers, ...providers],
      ...options,
    });
    this.writers = this.app.module.get(Writers);
  }

  private async end(): Promise<void> {
    await this.app?.close();
    await this.database?.drop();
  }
}

/** The same rows and events. */
export const both = (...ids: string[]): { rows: string[]; events: string[] } => ({ rows: ids, events: ids });

/** A promise, and how to keep it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}
