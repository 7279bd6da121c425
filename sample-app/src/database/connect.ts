import { DataSource, type DataSourceOptions } from 'typeorm';
import { DatabaseUnavailableError, MigrationFailedError } from './database.errors';

/** Any number, as long as every instance of the shop takes the same. */
const MIGRATION_LOCK = 7_467_001;

/** Connects, and brings the tables up to date before anything else uses them. */
export async function connect(url: string, options: DataSourceOptions): Promise<DataSource> {
  const dataSource = new DataSource(options);
  await dataSource.initialize().catch((error: unknown) => {
    throw new DatabaseUnavailableError(url, error);
  });
  try {
    await migrate(dataSource);
  } catch (error) {
    await dataSource.destroy();
    throw new MigrationFailedError(error);
  }
  return dataSource;
}

/** Under a lock, since several instances may start at once and TypeORM does not keep them apart. */
async function migrate(dataSource: DataSource): Promise<void> {
  const holder = dataSource.createQueryRunner();
  try {
    await holder.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await dataSource.runMigrations({ transaction: 'all' });
  } finally {
    await holder.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    await holder.release();
  }
}
