import type { Type } from '@nestjs/common';
import type { TestDatabase } from './database';
import { createDatabase } from './database';
import { startOutboxApp, type OutboxApp, type OutboxAppOptions } from './outbox-app';
import { noConnectionIsLeft, rowsAndEventsShareATransaction, type Open, type Opened } from './rows-and-events';
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

  /**
   * Declares the tests of each way to open a transaction with each way to write in it.
   *
   * @param opening a provider that opens them
   * @param withManager those that hand out the manager of the transaction
   */
  describeWays<By>(
    opening: Type<By>,
    ways: Record<string, (by: By) => Open>,
    withManager: readonly string[] = [],
  ): void {
    const opened = (name: string) => (): Opened => ({
      database: this.database,
      writers: this.writers,
      open: ways[name]!(this.app.module.get(opening)),
    });
    describe.each(Object.keys(ways))('opened by %s', (name) => {
      rowsAndEventsShareATransaction(opened(name), 'context');
      noConnectionIsLeft(opened(name));
    });
    if (withManager.length > 0) {
      describe.each(withManager)('opened by %s, written to with its own manager', (name) => {
        rowsAndEventsShareATransaction(opened(name), 'manager');
      });
    }
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
