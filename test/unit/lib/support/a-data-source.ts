import { DataSource, type DataSourceOptions } from 'typeorm';
import { outboxEntities } from '../../../../lib/store/outbox-entities';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** A data source with its metadata, which says that it is initialized, as after `initialize()`, but without a connection. */
export async function aDataSource(options: Partial<PostgresOptions> = {}): Promise<DataSource> {
  const dataSource = new DataSource({ entities: [...outboxEntities], ...options, type: 'postgres' });
  await (dataSource as unknown as { buildMetadatas(): Promise<void> }).buildMetadatas();
  return Object.defineProperty(dataSource, 'isInitialized', { value: true });
}
