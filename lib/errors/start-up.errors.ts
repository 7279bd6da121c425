import { OutboxError } from './outbox.error';

/** The options of `OutboxModule` are wrong; the message lists every wrong one. Thrown while the application starts. */
export class OutboxOptionsInvalidError extends OutboxError {
  readonly code = 'OUTBOX_OPTIONS_INVALID';

  /** @param faults one sentence for each wrong option: its name, its value, what is allowed and how to fix it */
  constructor(readonly faults: readonly string[]) {
    super(`The options of OutboxModule are not valid:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}

/** No TypeORM data source of the wanted name is registered. Thrown while the application starts. */
export class OutboxDataSourceMissingError extends OutboxError {
  readonly code = 'OUTBOX_DATA_SOURCE_MISSING';

  constructor(dataSource: string) {
    super(
      dataSource === 'default'
        ? 'OutboxModule found no TypeORM data source: events are rows of your database. ' +
            'Import TypeOrmModule.forRoot({ type: "postgres", ..., autoLoadEntities: true }) beside OutboxModule.'
        : `OutboxModule found no TypeORM data source named "${dataSource}". ` +
            `Import TypeOrmModule.forRoot({ name: "${dataSource}", ... }), or correct the "dataSource" given to OutboxModule.`,
    );
  }
}

/** The data source is not connected when the application starts. */
export class OutboxDataSourceNotInitializedError extends OutboxError {
  readonly code = 'OUTBOX_DATA_SOURCE_NOT_INITIALIZED';

  constructor(dataSource: string) {
    super(
      `The data source "${dataSource}" is not initialized, so its tables cannot be known. Leave out manualInitialization in TypeOrmModule, or ` +
        'initialize it in dataSourceFactory.',
    );
  }
}

/** A naming strategy renames the columns of the outbox. Thrown while the application starts. */
export class OutboxColumnsRenamedError extends OutboxError {
  readonly code = 'OUTBOX_COLUMNS_RENAMED';

  constructor(dataSource: string, column: string, renamed: string) {
    super(
      `The naming strategy of the data source "${dataSource}" turns the column "${column}" of the outbox into "${renamed}". The entities give their ` +
        'columns explicit names, since a partial index and other readers of the table name them: let columnName() return the custom name where ' +
        'one is given, as the strategies of TypeORM do.',
    );
  }
}

/** The data source is not PostgreSQL. Thrown while the application starts. */
export class OutboxDataSourceUnsupportedError extends OutboxError {
  readonly code = 'OUTBOX_DATA_SOURCE_UNSUPPORTED';

  constructor(dataSource: string, type: string) {
    super(
      `OutboxModule needs PostgreSQL, but the data source "${dataSource}" is of type "${type}": the order of events ` +
        'rests on PostgreSQL\'s advisory locks. Use a data source with type: "postgres".',
    );
  }
}

/** The data source does not know the outbox entities. Thrown while the application starts. */
export class OutboxEntitiesMissingError extends OutboxError {
  readonly code = 'OUTBOX_ENTITIES_MISSING';

  constructor(dataSource: string, missing: readonly string[]) {
    super(
      `The data source "${dataSource}" does not know the entities of the outbox (${missing.join(', ')}), so their tables ` +
        'cannot be named. Either set autoLoadEntities: true in TypeOrmModule.forRoot, or list them: ' +
        'import { outboxEntities } from "nestjs-outboxed" and set entities: [...outboxEntities, ...yours].',
    );
  }
}

/** Two `OutboxModule.forRoot` serve one data source. Thrown while the application starts. */
export class OutboxRegisteredTwiceError extends OutboxError {
  readonly code = 'OUTBOX_REGISTERED_TWICE';

  constructor(dataSource: string) {
    super(
      `OutboxModule.forRoot is imported twice for the data source "${dataSource}"; only one of them would be used, without ` +
        'a word about which. Keep one, or give the other its own data source: forRoot({ dataSource: "other", ... }) ' +
        'and @InjectOutbox("other").',
    );
  }
}
