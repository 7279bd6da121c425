import type { DataSource } from 'typeorm';
import { OutboxPoolTooSmallError } from '../errors/transaction.errors';

/**
 * A pool of one cannot give a second connection while the current transaction has the first: it would wait for ever.
 *
 * @throws OutboxPoolTooSmallError
 */
export function assertSecondConnection(dataSource: DataSource, name: string): void {
  if (poolSize(dataSource) === 1) {
    throw new OutboxPoolTooSmallError(name);
  }
}

/** Most connections that the pool opens; undefined if that is not known. */
export function poolSize(dataSource: DataSource): number | undefined {
  const { master } = dataSource.driver as unknown as { master?: { options?: { max?: number } } };
  return master?.options?.max;
}
