import type { EntityManager, QueryRunner } from 'typeorm';
import type { TransactionFrame } from './transaction-frame';

const real = Symbol('nestjs-outboxed.real-runner');

/** The runner behind a joined one; any other is its own. */
export function realRunner(runner: QueryRunner): QueryRunner {
  return (runner as QueryRunner & { [real]?: QueryRunner })[real] ?? runner;
}

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
  createManager: (runner: QueryRunner) => EntityManager,
): QueryRunner {
  let own: QueryRunner | undefined;
  let manager: EntityManager | undefined;
  const overrides: Partial<Record<string | symbol, unknown>> = {
    release: () => Promise.resolve(),
    startTransaction: async (isolationLevel?: Parameters<QueryRunner['startTransaction']>[0]) => {
      assertOpen(frame);
      own = openOwn();
      await own.startTransaction(isolationLevel);
    },
  };
  const joined: QueryRunner = new Proxy(frame.queryRunner, {
    get(shared, property) {
      if (property === real) {
        return own ?? shared;
      }
      if (property === 'manager') {
        // One of its own, so that what was got from it before a transaction of its own began takes part in that.
        manager ??= createManager(joined);
        return manager;
      }
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
    set(shared, property, value) {
      // The constructor of an entity manager tells its runner of itself.
      return property === 'manager' || Reflect.set(own ?? shared, property, value);
    },
  });
  return joined;
}
