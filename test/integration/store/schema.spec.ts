import { DataSource, DefaultNamingStrategy, type DataSourceOptions, type Table } from 'typeorm';
import { outboxEntities } from 'nestjs-outboxed';
import { outboxMigrations } from 'nestjs-outboxed/migrations';
import { createDatabase, type TestDatabase } from '../support/database';
import { anEvent, startOutboxApp } from '../support/outbox-app';
import { InProcessPublisher } from 'nestjs-outboxed';
import { eventually } from '../support/eventually';

/** Renames tables, indexes and constraints, as companies' own strategies do. */
class HouseNames extends DefaultNamingStrategy {
  override tableName(className: string, customName: string | undefined): string {
    return `house_${super.tableName(className, customName)}`;
  }

  override indexName(table: Table | string, columns: string[], where?: string): string {
    return `house_${super.indexName(table, columns, where)}`;
  }

  override primaryKeyName(table: Table | string, columns: string[]): string {
    return `house_${super.primaryKeyName(table, columns)}`;
  }
}

const settings: [string, Partial<DataSourceOptions>][] = [
  ['the default settings', {}],
  ['a schema', { schema: 'shop' }],
  ['an entityPrefix', { entityPrefix: 'app_' }],
  ['a naming strategy', { namingStrategy: new HouseNames() }],
  [
    'a schema that needs quotes, a prefix and a naming strategy',
    { schema: 'My Shop', entityPrefix: 'app_', namingStrategy: new HouseNames() },
  ],
];

describe.each(settings)('With %s', (_, setting) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase();
    if ('schema' in setting) {
      await database.query(`create schema "${String(setting.schema).replaceAll('"', '""')}"`);
    }
  });

  afterEach(() => database.drop());

  const connect = (more: Partial<DataSourceOptions> = {}): Promise<DataSource> =>
    new DataSource({
      type: 'postgres',
      url: database.url,
      entities: [...outboxEntities],
      migrations: [...outboxMigrations],
      ...setting,
      ...more,
    } as DataSourceOptions).initialize();

  it('the migration and synchronize make the same tables, and synchronize finds nothing to change', async () => {
    const migrated = await connect();
    await migrated.runMigrations();
    const byMigration = await catalogue(database);
    expect(await pendingChanges(migrated)).toEqual([]);
    while ((await catalogue(database)).columns.length > 0) {
      await migrated.undoLastMigration();
    }
    expect((await catalogue(database)).columns).toEqual([]);
    await migrated.destroy();

    const synchronized = await connect({ synchronize: true });
    expect(await pendingChanges(synchronized)).toEqual([]);
    const bySynchronize = await catalogue(database);
    await synchronized.destroy();

    expect(byMigration).toEqual(bySynchronize);
    expect(byMigration.columns.length).toBe(46);
  });

  it('events are written and delivered', async () => {
    const publisher = new InProcessPublisher();
    const received: string[] = [];
    publisher.subscribe('items', ({ id }) => void received.push(id));
    const app = await startOutboxApp({
      url: database.url,
      typeorm: setting,
      outbox: { publisher, pollIntervalSeconds: 0.1 },
    });
    const ids = await app.dataSource.transaction(() => app.outbox.addEvents([anEvent(), anEvent()]));
    const last = await app.dataSource.transaction(() => app.outbox.addEvent(anEvent()));
    await eventually('delivery', async () => (await app.outbox.stats()).published === 3);
    expect(received).toEqual([...ids, last]);
    await app.close();
  });
});

describe('A migration', () => {
  it('says which entities the data source lacks', async () => {
    const database = await createDatabase();
    const dataSource = await new DataSource({
      type: 'postgres',
      url: database.url,
      migrations: [...outboxMigrations],
    }).initialize();
    await expect(dataSource.runMigrations()).rejects.toMatchObject({ code: 'OUTBOX_ENTITIES_MISSING' });
    await dataSource.destroy();
    await database.drop();
  });
});

describe('The entities', () => {
  it('have no default on a nullable column, so that a change-data-capture connector reads NULL as NULL', async () => {
    const database = await createDatabase();
    const dataSource = await new DataSource({
      type: 'postgres',
      url: database.url,
      entities: [...outboxEntities],
    }).initialize();
    for (const entity of outboxEntities) {
      const withDefault = dataSource
        .getMetadata(entity)
        .columns.filter((column) => column.isNullable && column.default !== undefined);
      expect(withDefault).toEqual([]);
    }
    await dataSource.destroy();
    await database.drop();
  });
});

async function pendingChanges(dataSource: DataSource): Promise<string[]> {
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
  return upQueries.map(({ query }) => query);
}

interface Catalogue {
  columns: object[];
  constraints: object[];
  indexes: object[];
}

/** The outbox's tables as PostgreSQL's own catalogue describes them. */
async function catalogue(database: TestDatabase): Promise<Catalogue> {
  const ofOutbox = `c.relname like '%event_outbox%' and c.relkind = 'r'`;
  const columns = await database.query<object>(
    `select c.relnamespace::regnamespace::text as schema, c.relname as table, a.attname as column, a.attnum as position,
              format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required, a.attidentity as identity,
              pg_get_expr(d.adbin, d.adrelid) as default
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
       where ${ofOutbox}
       order by c.relname, a.attnum`,
  );
  const constraints = await database.query<object>(
    `select c.relname as table, k.conname as name, pg_get_constraintdef(k.oid) as definition
       from pg_class c join pg_constraint k on k.conrelid = c.oid where ${ofOutbox} order by c.relname, k.conname`,
  );
  const indexes = await database.query<object>(
    `select c.relname as table, pg_get_indexdef(i.indexrelid) as definition
       from pg_class c join pg_index i on i.indrelid = c.oid where ${ofOutbox} order by 1, 2`,
  );
  return { columns, constraints, indexes };
}
