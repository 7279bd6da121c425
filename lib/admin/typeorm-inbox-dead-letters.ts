import type { DataSource } from 'typeorm';
import { InboxDeadLetterNotFoundError } from '../errors/inbox.errors';
import type { InboxDeadLetter, InboxDeadLetterPage, InboxDeadLetterQuery } from '../interfaces/inbox-dead-letter';
import { findInboxDeadLetters, takeInboxDeadLetter } from '../store/inbox-dead-letters';
import type { OutboxTables } from '../store/outbox-tables';
import type { TransactionContext } from '../transaction/transaction-context';
import { inboxSearchOf, seqOf } from './dead-letter-arguments';
import { InboxDeadLetters } from './inbox-dead-letters';

/** The dead letters in the table of a TypeORM data source. */
export class TypeOrmInboxDeadLetters extends InboxDeadLetters {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly transactions: TransactionContext,
  ) {
    super();
  }

  async list(query: InboxDeadLetterQuery = {}): Promise<InboxDeadLetterPage> {
    return findInboxDeadLetters(this.dataSource, this.tables, inboxSearchOf(query));
  }

  async handle<T>(seq: string, handler: (letter: InboxDeadLetter) => T | Promise<T>): Promise<T> {
    const asked = seqOf('handle', seq);
    return this.transactions.run(
      async () => {
        const letter = await takeInboxDeadLetter(this.transactions.runnerOf(undefined), this.tables, asked);
        if (letter === null) {
          throw new InboxDeadLetterNotFoundError(asked);
        }
        return handler(letter);
      },
      // If the transaction around goes on in spite of a failure, the dead letter must stay.
      { propagation: 'NESTED' },
    );
  }

  async discard(seq: string): Promise<boolean> {
    return (await takeInboxDeadLetter(this.dataSource, this.tables, seqOf('discard', seq))) !== null;
  }
}
