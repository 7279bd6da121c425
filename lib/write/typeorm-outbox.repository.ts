import { IsNull, type DataSource, type QueryRunner } from 'typeorm';
import { OutboxArgumentInvalidError } from '../errors/event.errors';
import { OutboxTransactionRequiredError } from '../errors/transaction.errors';
import type { OutboxEvent } from '../interfaces/outbox-event';
import type { OutboxStats } from '../interfaces/outbox-stats';
import { EventOutbox } from '../store/event-outbox.entity';
import { insertEvents } from '../store/insert-events';
import type { OutboxTables } from '../store/outbox-tables';
import { readStats } from '../store/read-stats';
import type { TransactionContext } from '../transaction/transaction-context';
import { assertEventId } from './event-rules';
import { OutboxRepository, type OutboxTransaction } from './outbox.repository';
import { prepareEvents } from './prepare-events';

/** The outbox in the tables of a TypeORM data source. */
export class TypeOrmOutboxRepository extends OutboxRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly transactions: TransactionContext,
    private readonly maxEventBytes: number,
    /** Called once after a commit that holds events. */
    private readonly onCommitted: () => void,
  ) {
    super();
  }

  async addEvent(event: OutboxEvent, transaction?: OutboxTransaction): Promise<string> {
    const [id] = await this.addEvents([event], transaction);
    return id as string;
  }

  async addEvents(events: readonly OutboxEvent[], transaction?: OutboxTransaction): Promise<string[]> {
    const prepared = prepareEvents(events, this.maxEventBytes);
    const runner = this.runnerOf(transaction);
    await insertEvents(runner, this.tables, prepared);
    if (prepared.length > 0) {
      this.transactions.frameOf(runner)?.onCommit(this.onCommitted);
    }
    return prepared.map(({ id }) => id);
  }

  async getEventById(id: string): Promise<EventOutbox | null> {
    assertEventId(id);
    return this.dataSource.getRepository(EventOutbox).findOneBy({ id });
  }

  async getUnpublishedEvents(limit = 100): Promise<EventOutbox[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > 10_000) {
      throw new OutboxArgumentInvalidError(
        `getUnpublishedEvents was given the limit ${limit}, and needs a whole number from 1 to 10000.`,
      );
    }
    return this.dataSource
      .getRepository(EventOutbox)
      .find({ where: { publishedAt: IsNull() }, order: { seq: 'ASC' }, take: limit });
  }

  stats(): Promise<OutboxStats> {
    return readStats(this.dataSource, this.tables);
  }

  /** The runner whose transaction the events join. */
  private runnerOf(transaction: OutboxTransaction | undefined): QueryRunner {
    const runner =
      transaction === undefined
        ? this.transactions.current()?.queryRunner
        : 'queryRunner' in transaction
          ? transaction.queryRunner
          : transaction.manager.queryRunner;
    if (runner?.isTransactionActive !== true) {
      throw new OutboxTransactionRequiredError(this.transactions.dataSourceName);
    }
    return runner;
  }
}
