import { DataSource, DefaultNamingStrategy } from 'typeorm';
import { OutboxColumnsRenamedError, OutboxEntitiesMissingError } from '../../../../lib/errors/start-up.errors';
import { EventOutbox } from '../../../../lib/store/event-outbox.entity';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { aDataSource } from '../support/a-data-source';
import { thrown } from '../support/thrown';

/** Renames tables, and columns that have no explicit name. */
class ShoutingStrategy extends DefaultNamingStrategy {
  override tableName(_class: string, customName: string | undefined): string {
    return (customName ?? '').toUpperCase();
  }

  override columnName(property: string, customName: string | undefined): string {
    return customName ?? property.toUpperCase();
  }
}

/** Renames one column, though it has an explicit name. */
class ImposingStrategy extends ShoutingStrategy {
  constructor(private readonly imposed: string) {
    super();
  }

  override columnName(property: string, customName: string | undefined): string {
    return customName === this.imposed ? customName.toUpperCase() : super.columnName(property, customName);
  }
}

describe('the names of the tables', () => {
  it('are quoted, those of the columns by property', async () => {
    const tables = new OutboxTables(await aDataSource(), 'default');
    expect(tables.event).toEqual({
      tableName: '"event_outbox"',
      seq: '"seq"',
      xid: '"xid"',
      id: '"id"',
      lane: '"lane"',
      aggregateType: '"aggregate_type"',
      aggregateId: '"aggregate_id"',
      eventType: '"event_type"',
      topic: '"topic"',
      eventKey: '"event_key"',
      eventData: '"event_data"',
      headers: '"headers"',
      traceparent: '"traceparent"',
      tracestate: '"tracestate"',
      createdAt: '"created_at"',
      availableAt: '"available_at"',
      attempts: '"attempts"',
      retryAt: '"retry_at"',
      lastError: '"last_error"',
      publishedAt: '"published_at"',
    });
    expect(tables.lane).toEqual({
      tableName: '"event_outbox_lane"',
      lane: '"lane"',
      owner: '"owner"',
      epoch: '"epoch"',
      expiresAt: '"expires_at"',
    });
    expect(tables.relay).toEqual({
      tableName: '"event_outbox_relay"',
      id: '"id"',
      lifeLock: '"life_lock"',
      expiresAt: '"expires_at"',
    });
    expect(tables.rewind).toEqual({ tableName: '"event_outbox_rewind"', id: '"id"', lane: '"lane"' });
    expect(tables.inbox).toEqual({
      tableName: '"event_inbox"',
      consumer: '"consumer"',
      messageId: '"message_id"',
      replayId: '"replay_id"',
      processedAt: '"processed_at"',
      attempts: '"attempts"',
      failedAt: '"failed_at"',
      lastError: '"last_error"',
    });
    expect(tables.inboxDeadLetter).toMatchObject({
      tableName: '"event_inbox_dead_letter"',
      topicOffset: '"topic_offset"',
    });
    expect(tables.deadLetter).toMatchObject({ tableName: '"event_outbox_dead_letter"', holdsKey: '"holds_key"' });
  });

  it('have the schema of the data source', async () => {
    const { event, lane } = new OutboxTables(await aDataSource({ schema: 'Messaging' }), 'default');
    expect([event.tableName, lane.tableName]).toEqual([
      '"Messaging"."event_outbox"',
      '"Messaging"."event_outbox_lane"',
    ]);
  });

  it('have the prefix of the data source', async () => {
    const { event, lane, inbox } = new OutboxTables(await aDataSource({ entityPrefix: 'shop_' }), 'default');
    expect([event.tableName, lane.tableName, inbox.tableName]).toEqual([
      '"shop_event_outbox"',
      '"shop_event_outbox_lane"',
      '"shop_event_inbox"',
    ]);
  });

  it('are those of the naming strategy', async () => {
    const { event } = new OutboxTables(await aDataSource({ namingStrategy: new ShoutingStrategy() }), 'default');
    expect([event.tableName, event.publishedAt]).toEqual(['"EVENT_OUTBOX"', '"published_at"']);
  });

  it.each([
    ['of the events', 'published_at', 'PUBLISHED_AT'],
    ['of the lanes', 'expires_at', 'EXPIRES_AT'],
    ['of the inbox', 'processed_at', 'PROCESSED_AT'],
  ])('cannot be used where the naming strategy renames a column %s', async (_which, column, renamed) => {
    const dataSource = await aDataSource({ namingStrategy: new ImposingStrategy(column) });
    const error = await thrown(OutboxColumnsRenamedError, () => new OutboxTables(dataSource, 'billing'));
    expect(error.message).toContain(`"billing" turns the column "${column}" of the outbox into "${renamed}"`);
  });

  it('cannot be known where the data source was not told of the entities, which names both remedies', () => {
    const make = (): OutboxTables => new OutboxTables(new DataSource({ type: 'postgres' }), 'billing');
    expect(make).toThrow(OutboxEntitiesMissingError);
    expect(make).toThrow(
      /"billing".*\(EventOutbox, OutboxDeadLetter, OutboxLane, OutboxRelay, OutboxRewind, EventInbox, InboxDeadLetterRow\).*autoLoadEntities: true.*entities: \[\.\.\.outboxEntities/,
    );
  });

  it('cannot be known where one entity is missing, which is named', async () => {
    const dataSource = await aDataSource({ entities: [EventOutbox] });
    expect(() => new OutboxTables(dataSource, 'default')).toThrow(
      '(OutboxDeadLetter, OutboxLane, OutboxRelay, OutboxRewind, EventInbox, InboxDeadLetterRow)',
    );
  });
});
