import type { QueryRunner } from 'typeorm';

/** Transaction isolation levels of PostgreSQL. */
export type OutboxIsolationLevel = NonNullable<Parameters<QueryRunner['startTransaction']>[0]>;

/**
 * What becomes of work where a transaction is open already, and where none is (the names are those of Spring and Jakarta Transactions):
 *
 * | propagation | inside a transaction | outside |
 * | --- | --- | --- |
 * | `REQUIRED` | joins it | begins one |
 * | `REQUIRES_NEW` | begins an independent one, on a second connection | begins one |
 * | `NESTED` | sets a savepoint; a failure rolls back to it | begins one |
 * | `MANDATORY` | joins it | fails with `OutboxTransactionRequiredError` |
 */
export type OutboxPropagation = 'REQUIRED' | 'REQUIRES_NEW' | 'NESTED' | 'MANDATORY';

export const propagations: readonly OutboxPropagation[] = ['REQUIRED', 'REQUIRES_NEW', 'NESTED', 'MANDATORY'];

export const isolationLevels: readonly OutboxIsolationLevel[] = [
  'READ UNCOMMITTED',
  'READ COMMITTED',
  'REPEATABLE READ',
  'SERIALIZABLE',
];

/** How to run work in a transaction. */
export interface OutboxTransactionOptions {
  /** Default: `REQUIRED`. */
  propagation?: OutboxPropagation | undefined;
  /**
   * Isolation level of a transaction that is begun. One that is joined must have the same, else `OutboxIsolationMismatchError`.
   * Default: the data source's, or the database's.
   */
  isolationLevel?: OutboxIsolationLevel | undefined;
}
