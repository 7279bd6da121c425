import type { DataSource } from 'typeorm';

/** Whether the pool of a data source can give out only one connection at a time. */
export function hasSingleConnection(dataSource: DataSource): boolean {
  const { master } = dataSource.driver as unknown as { master?: { options?: { max?: number } } };
  return master?.options?.max === 1;
}
