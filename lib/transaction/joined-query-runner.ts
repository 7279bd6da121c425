import type { QueryRunner } from 'typeorm';
import type { TransactionFrame } from './transaction-frame';

/**
 * What `dataSource.createQueryRunner()` gives to code inside a transaction: TypeORM asks for a runner wherever none was handed to
 * it (repositories, query builders, `dataSource.query`), so here every such statement joins the transaction.
 *
 * It is the transaction's runner but for two things. To release it does nothing, since the connection belongs to the transaction.
 * And whoever begins a transaction on it gets one of his own on a connection of its own, as he would without the outbox.
 */
export function joinedQueryRunner(
  frame: TransactionFrame,
  openOwn: () => QueryRunner,
  assertOpen: (frame: TransactionFrame) => void,
): QueryRunner {
  let own: QueryRunner | undefined;
  const overrides: Partial<Record<string | symbol, unknown>> = {
    release: () => Promise.resolve(),
    startTransaction: (isolationLevel?: Parameters<QueryRunner['startTransaction']>[0]) => {
      own = openOwn();
      return own.startTransaction(isolationLevel);
    },
  };
  return new Proxy(frame.queryRunner, {
    get(shared, property) {
      if (own === undefined && property in overrides) {
        return overrides[property];
      }
      const target = own ?? shared;
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') {
        return value;
      }
      return (...args: unknown[]): unknown => {
        if (own === undefined) {
          assertOpen(frame);
        }
        return Reflect.apply(value, target, args);
      };
    },
    set: (shared, property, value) => Reflect.set(own ?? shared, property, value),
  });
}
