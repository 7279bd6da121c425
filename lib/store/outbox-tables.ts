import type { DataSource, EntityMetadata, ObjectLiteral } from 'typeorm';
import { OutboxColumnsRenamedError, OutboxEntitiesMissingError } from '../errors/start-up.errors';
import { EventInbox } from './event-inbox.entity';
import { EventOutbox } from './event-outbox.entity';
import { InboxDeadLetterRow } from './inbox-dead-letter.entity';
import { outboxEntities } from './outbox-entities';
import { OutboxDeadLetter } from './outbox-dead-letter.entity';
import { OutboxLane } from './outbox-lane.entity';
import { OutboxRelay } from './outbox-relay.entity';
import { OutboxRewind } from './outbox-rewind.entity';

/** A table's name and its columns' names by property, quoted, ready to stand in a statement. */
export type Table<Entity> = { readonly [Property in keyof Entity]: string } & { readonly tableName: string };

/** The names of the outbox's tables as TypeORM knows them, so that schema, entityPrefix and naming strategy hold. */
export class OutboxTables {
  readonly event: Table<EventOutbox>;
  readonly deadLetter: Table<OutboxDeadLetter>;
  readonly lane: Table<OutboxLane>;
  readonly relay: Table<OutboxRelay>;
  readonly rewind: Table<OutboxRewind>;
  readonly inbox: Table<EventInbox>;
  readonly inboxDeadLetter: Table<InboxDeadLetterRow>;

  /** @throws OutboxEntitiesMissingError if the data source was not told of the outbox's entities */
  constructor(dataSource: DataSource, dataSourceName: string) {
    const missing = outboxEntities.filter((entity) => !dataSource.hasMetadata(entity));
    if (missing.length > 0) {
      throw new OutboxEntitiesMissingError(
        dataSourceName,
        missing.map((entity) => entity.name),
      );
    }
    const namesOf = <Entity extends ObjectLiteral>(entity: new () => Entity): Table<Entity> =>
      quotedNames<Entity>(dataSource, dataSourceName, dataSource.getMetadata(entity));
    this.event = namesOf(EventOutbox);
    this.deadLetter = namesOf(OutboxDeadLetter);
    this.lane = namesOf(OutboxLane);
    this.relay = namesOf(OutboxRelay);
    this.rewind = namesOf(OutboxRewind);
    this.inbox = namesOf(EventInbox);
    this.inboxDeadLetter = namesOf(InboxDeadLetterRow);
  }
}

function quotedNames<Entity extends ObjectLiteral>(
  dataSource: DataSource,
  dataSourceName: string,
  metadata: EntityMetadata,
): Table<Entity> {
  const quote = (name: string): string => dataSource.driver.escape(name);
  const columns = metadata.columns.map((column) => [column.propertyName, quote(column.databaseName)] as const);
  const renamed = metadata.columns.find((column) => column.databaseName !== column.givenDatabaseName);
  if (renamed !== undefined) {
    throw new OutboxColumnsRenamedError(
      dataSourceName,
      renamed.givenDatabaseName ?? renamed.propertyName,
      renamed.databaseName,
    );
  }
  const path = metadata.schema === undefined ? [metadata.tableName] : [metadata.schema, metadata.tableName];
  return { ...Object.fromEntries(columns), tableName: path.map(quote).join('.') } as Table<Entity>;
}
