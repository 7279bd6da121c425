import { Injectable } from '@nestjs/common';
import { Outboxed, OutboxTransactions } from 'nestjs-outboxed';
import { DataSource, type EntityManager } from 'typeorm';
import { anEvent } from '../support/outbox-app';
import type { Open } from '../support/rows-and-events';
import { both, TransactionSuite } from '../support/transaction-suite';
import { waysOfManagers } from '../support/writers';

type Work = (manager: EntityManager | undefined) => Promise<unknown>;

@Injectable()
class Opening {
  constructor(
    readonly dataSource: DataSource,
    readonly transactions: OutboxTransactions,
  ) {}

  @Outboxed()
  async outboxed(work: Work): Promise<unknown> {
    return work(undefined);
  }

  @Outboxed({ isolationLevel: 'SERIALIZABLE' })
  async outboxedSerializable(work: Work): Promise<unknown> {
    return work(undefined);
  }

  @Outboxed()
  async outboxedTwice(work: Work): Promise<unknown> {
    return this.outboxed(work);
  }

  @Outboxed()
  async outboxedNested(work: Work): Promise<unknown> {
    return this.transactions.run(() => work(undefined), { propagation: 'NESTED' });
  }

  @Outboxed()
  async outboxedNew(work: Work): Promise<unknown> {
    return this.transactions.run(() => work(undefined), { propagation: 'REQUIRES_NEW' });
  }

  /** A query runner that is made, used and ended by hand. */
  async byHand(work: (manager: EntityManager) => Promise<unknown>): Promise<unknown> {
    const queryRunner = this.dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    try {
      const result = await work(queryRunner.manager);
      await queryRunner.commitTransaction();
      return result;
    } catch (error) {
      await queryRunner.rollbackTransaction();
      throw error;
    } finally {
      await queryRunner.release();
    }
  }
}

const waysToOpen: Record<string, (by: Opening) => Open> = {
  '@Outboxed()': (by) => (work) => by.outboxed(work),
  '@Outboxed() with an isolation level': (by) => (work) => by.outboxedSerializable(work),
  '@Outboxed() that calls another one': (by) => (work) => by.outboxedTwice(work),
  'a savepoint in @Outboxed()': (by) => (work) => by.outboxedNested(work),
  'REQUIRES_NEW in @Outboxed()': (by) => (work) => by.outboxedNew(work),
  'transactions.run': (by) => (work) => by.transactions.run(() => work(undefined)),
  'dataSource.transaction': (by) => (work) => by.dataSource.transaction(work),
  'dataSource.transaction with an isolation level': (by) => (work) =>
    by.dataSource.transaction('REPEATABLE READ', work),
  'manager.transaction': (by) => (work) => by.dataSource.manager.transaction(work),
  'manager.transaction in another one': (by) => (work) =>
    by.dataSource.transaction((manager) => manager.transaction(work)),
  'dataSource.transaction in another one': (by) => (work) =>
    by.dataSource.transaction(() => by.dataSource.transaction(work)),
  'a query runner, bound': (by) => (work) =>
    by.byHand((manager) => by.transactions.bind({ queryRunner: manager.queryRunner! }, () => work(manager))),
  'the manager of a query runner, bound': (by) => (work) =>
    by.byHand((manager) => by.transactions.bind({ manager }, () => work(manager))),
  'a query runner in another transaction, bound': (by) => (work) =>
    by.dataSource.transaction(() =>
      by.byHand((manager) => by.transactions.bind({ queryRunner: manager.queryRunner! }, () => work(manager))),
    ),
};

/** Those that hand out the manager of the transaction. */
const waysWithManager = Object.keys(waysToOpen).filter(
  (name) => /Source\.|manager/.test(name) || name.includes('bound'),
);

describe('A transaction', () => {
  const suite = TransactionSuite.declare({ providers: [Opening] });
  suite.describeWays(Opening, waysToOpen, waysWithManager);

  describe.each([
    ['its query runner', (manager: EntityManager) => ({ queryRunner: manager.queryRunner! })],
    ['its manager', (manager: EntityManager) => ({ manager })],
  ])('opened by hand and given to addEvent by %s', (_what, handed) => {
    const failure = new Error('rolled back by the test');

    it.each(Object.keys(waysOfManagers))('%s: row and event commit and roll back together', async (name) => {
      const by = suite.app.module.get(Opening);
      const id = `handed-${String(Math.random())}`;
      const work = async (manager: EntityManager): Promise<void> => {
        await waysOfManagers[name]!(manager, id);
        await suite.app.outbox.addEvents([anEvent({ aggregateId: id })], handed(manager));
        expect(await suite.stored(id)).toEqual(both());
      };
      await expect(
        by.byHand(async (manager) => {
          await work(manager);
          throw failure;
        }),
      ).rejects.toBe(failure);
      expect(await suite.stored(id)).toEqual(both());
      await by.byHand(work);
      expect(await suite.stored(id)).toEqual(both(id));
    });
  });
});
