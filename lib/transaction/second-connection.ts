import type { DataSource } from 'typeorm';
import { OutboxPoolTooSmallError } from '../errors/transaction.errors';

/**
 * A pool of one cannot give a second connection while the current transaction has the first: it would wait for ever.
 *
 * @throws OutboxPoolTooSmallError
 */
export function assertSecondConnection(dataSource: DataSource, name: string): void {
  const { master } = dataSource.driver as unknown as { master?: { options?: { max?: number } } };
  if (master?.options?.max === 1) {
    throw new OutboxPoolTooSmallError(name);
  }
}
