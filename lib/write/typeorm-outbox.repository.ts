import { IsNull, type DataSource } from 'typeorm';
import { OutboxArgumentInvalidError, OutboxEventInvalidError } from '../errors/event.errors';
import type { ResolvedOutboxOptions } from '../config/outbox-options';
import type { OutboxEvent } from '../interfaces/outbox-event';
import type { ActivitySink } from '../interfaces/outbox-activity';
import type { OutboxStats } from '../interfaces/outbox-stats';
import type { WrittenTrace } from '../interfaces/written-trace';
import { EventOutbox } from '../store/event-outbox.entity';
import { InsertEvents, type NewEvent } from '../store/insert-events';
import type { OutboxTables } from '../store/outbox-tables';
import { readStats } from '../store/read-stats';
import type { OutboxTransaction } from '../transaction/outbox-transactions';
import type { TransactionContext } from '../transaction/transaction-context';
import type { TransactionFrame, TransactionHook } from '../transaction/transaction-frame';
import { AddedEvents } from './added-events';
import { assertEventId } from './event-rules';
import { OutboxRepository } from './outbox.repository';
import { prepareEvents, sizeFault } from './prepare-events';

/** What writing needs of the rest of the outbox. */
export interface WriteHooks {
  /** Called once after a commit that holds events, with their lanes as a bit for each; some of these may be of a savepoint that was rolled back. */
  onCommitted(lanes: bigint): void;
  readonly tell: ActivitySink;
  /** The trace that the calling code is part of. */
  currentTrace(): WrittenTrace | undefined;
}

/** The outbox in the tables of a TypeORM data source. */
export class TypeOrmOutboxRepository extends OutboxRepository {
  private readonly maxEventBytes: number;
  private readonly insert: InsertEvents;
  private readonly addedEvents: AddedEvents;
  private readonly added = new WeakMap<TransactionFrame, { lanes: bigint; readonly hook: TransactionHook }>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly tables: OutboxTables,
    private readonly transactions: TransactionContext,
    { maxEventBytes, preparedStatements }: Pick<ResolvedOutboxOptions, 'maxEventBytes' | 'preparedStatements'>,
    private readonly hooks: WriteHooks,
  ) {
    super();
    this.addedEvents = new AddedEvents(hooks.tell);
    this.maxEventBytes = maxEventBytes;
    this.insert = new InsertEvents(tables, preparedStatements);
  }

  async addEvent(event: OutboxEvent, transaction?: OutboxTransaction): Promise<string> {
    const [id] = await this.addEvents([event], transaction);
    return id as string;
  }

  async addEvents(events: readonly OutboxEvent[], transaction?: OutboxTransaction): Promise<string[]> {
    return this.insertAll(prepareEvents(events, this.maxEventBytes), transaction);
  }

  /**
   * Adds an event whose data is JSON text already, and is stored as it is, to the current transaction.
   *
   * @internal
   */
  async addText(event: Omit<OutboxEvent, 'eventData'>, json: string): Promise<void> {
    const prepared = prepareEvents([{ ...event, eventData: null }], this.maxEventBytes);
    const fault = sizeFault(json, this.maxEventBytes);
    if (fault !== undefined) {
      throw new OutboxEventInvalidError([fault]);
    }
    await this.insertAll(
      prepared.map((checked) => ({ ...checked, eventData: json })),
      undefined,
    );
  }

  private async insertAll(
    prepared: readonly NewEvent[],
    transaction: OutboxTransaction | undefined,
  ): Promise<string[]> {
    const runner = this.transactions.runnerOf(transaction);
    const lanes = await this.insert.run(runner, prepared, this.hooks.currentTrace());
    const frame = this.transactions.frameOf(runner);
    if (lanes !== 0n && frame !== undefined) {
      frame.keysLocked();
      frame.onCommit(this.hookOf(frame.transaction, lanes));
      this.addedEvents.note(frame, prepared);
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

  /** The hook of a transaction, which is one and the same for all that is added in it. */
  private hookOf(transaction: TransactionFrame, lanes: bigint): TransactionHook {
    const added = this.added.get(transaction);
    if (added !== undefined) {
      added.lanes |= lanes;
      return added.hook;
    }
    const first = {
      lanes,
      hook: () => {
        this.hooks.onCommitted(first.lanes);
      },
    };
    this.added.set(transaction, first);
    return first.hook;
  }
}
