import { InProcessPublisher, OutboxSavepointOverlapError } from 'nestjs-outboxed';
import type { EntitySubscriberInterface, InsertEvent, TransactionCommitEvent } from 'typeorm';
import { eventually } from '../support/eventually';
import { Item } from '../support/item.entity';
import { anEvent } from '../support/outbox-app';
import { both, TransactionSuite } from '../support/transaction-suite';

describe('A subscriber', () => {
  const publisher = new InProcessPublisher();
  const delivered: string[] = [];
  // So slow a poll that only the wake-up after a commit can deliver in time.
  const suite = TransactionSuite.declare({ outbox: { publisher, pollIntervalSeconds: 3600 } });
  beforeAll(() => {
    publisher.subscribe('items', ({ key }) => void delivered.push(key));
  });

  const failure = new Error('the subscriber has failed');

  async function subscribed(subscriber: EntitySubscriberInterface, work: () => Promise<void>): Promise<void> {
    const { subscribers } = suite.app.dataSource;
    subscribers.push(subscriber);
    try {
      await work();
    } finally {
      subscribers.splice(subscribers.indexOf(subscriber), 1);
    }
  }

  /** Fails once, as soon as it is called with `active` set. */
  const failingAt = (name: keyof EntitySubscriberInterface): EntitySubscriberInterface & { active: boolean } => {
    const subscriber = {
      active: true,
      [name]: () => {
        if (subscriber.active) {
          subscriber.active = false;
          throw failure;
        }
      },
    };
    return subscriber;
  };

  it('that throws after COMMIT changes nothing of it: rows and events stay, hooks run, the relay is woken', async () => {
    const [committed, rolledBack] = [jest.fn(), jest.fn()];
    await subscribed(failingAt('afterTransactionCommit'), async () => {
      const transaction = suite.app.dataSource.transaction(async () => {
        suite.app.transactions.afterCommit(committed);
        suite.app.transactions.afterRollback(rolledBack);
        await suite.write('after-commit');
      });
      await expect(transaction).rejects.toBe(failure);
    });
    expect(await suite.stored('after-commit')).toEqual(both('after-commit'));
    expect([committed.mock.calls.length, rolledBack.mock.calls.length]).toEqual([1, 0]);
    await eventually('delivery', () => delivered.includes('after-commit'));
  });

  it('that throws before COMMIT rolls back', async () => {
    await subscribed(failingAt('beforeTransactionCommit'), async () => {
      await expect(suite.app.dataSource.transaction(() => suite.write('before-commit'))).rejects.toBe(failure);
    });
    expect(await suite.stored('before-commit')).toEqual(both());
  });

  it.each<keyof EntitySubscriberInterface>(['beforeTransactionRollback', 'afterTransactionRollback'])(
    'that throws at %s leaves nothing behind, and the error is that of the work',
    async (name) => {
      const cause = new Error('no stock');
      await subscribed(failingAt(name), async () => {
        const transaction = suite.app.dataSource.transaction(async () => {
          await suite.write(name);
          throw cause;
        });
        await expect(transaction).rejects.toBe(cause);
      });
      expect(await suite.stored(name)).toEqual(both());
      await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          suite.app.dataSource.transaction(() => suite.write(`${name}-after-${String(n)}`)),
        ),
      );
      expect((await suite.stored(`${name}-after`)).rows).toHaveLength(12);
    },
  );

  it('is told of savepoints as of transactions, while hooks of the outbox wait for the transaction', async () => {
    const log: string[] = [];
    const subscriber: EntitySubscriberInterface = {
      afterTransactionCommit: () => void log.push('told of a commit'),
    };
    await subscribed(subscriber, async () => {
      await suite.app.dataSource.transaction(async (manager) => {
        await manager.transaction(async () => {
          suite.app.transactions.afterCommit(() => log.push('hook'));
          await suite.write('told');
        });
        expect(log).toEqual(['told of a commit']);
        expect(await suite.stored('told')).toEqual(both());
      });
    });
    expect(log.filter((line) => line === 'hook')).toEqual(['hook']);
    expect(log.filter((line) => line !== 'hook')).toHaveLength(2);
    expect(await suite.stored('told')).toEqual(both('told'));
  });

  it('that throws after the release of a savepoint changes nothing of that, as after a COMMIT', async () => {
    await subscribed(failingAt('afterTransactionCommit'), async () => {
      await suite.app.dataSource.transaction(async (manager) => {
        await suite.write('savepoint-1');
        await expect(manager.transaction(() => suite.write('savepoint-2'))).rejects.toBe(failure);
        await suite.write('savepoint-3');
      });
    });
    expect(await suite.stored('savepoint')).toEqual(both('savepoint-1', 'savepoint-2', 'savepoint-3'));
  });

  it.each<keyof EntitySubscriberInterface>([
    'beforeTransactionStart',
    'afterTransactionStart',
    'beforeTransactionCommit',
  ])('that refuses a savepoint at %s loses what is inside it, and nothing else', async (name) => {
    const failing = failingAt(name);
    failing.active = false;
    await subscribed(failing, async () => {
      await suite.app.dataSource.transaction(async (manager) => {
        await suite.write(`refused-${name}-1`);
        failing.active = true;
        await expect(manager.transaction(() => suite.write(`refused-${name}-2`))).rejects.toBe(failure);
        await suite.write(`refused-${name}-3`);
        await suite.app.dataSource.transaction(() => suite.write(`refused-${name}-4`));
      });
    });
    expect(await suite.stored(`refused-${name}`)).toEqual(
      both(`refused-${name}-1`, `refused-${name}-3`, `refused-${name}-4`),
    );
  });

  it('that prevents the rollback of a savepoint costs the transaction, which is reported: never is a part of it committed', async () => {
    const failing = failingAt('beforeTransactionRollback');
    await subscribed(failing, async () => {
      const transaction = suite.app.dataSource.transaction(async (manager) => {
        await suite.write('prevented-1');
        const inside = async (): Promise<void> => {
          await suite.write('prevented-2');
          throw new Error('no stock');
        };
        await expect(manager.transaction(inside)).rejects.toThrow('no stock');
        await suite.write('prevented-3');
      });
      await expect(transaction).rejects.toBeInstanceOf(OutboxSavepointOverlapError);
    });
    expect(await suite.stored('prevented')).toEqual(both());
    await suite.app.dataSource.transaction(() => suite.write('prevented-after'));
    expect(await suite.stored('prevented')).toEqual(both('prevented-after'));
  });

  it('may add an event for each row that is written, in the same transaction', async () => {
    const telling: EntitySubscriberInterface<Item> = {
      listenTo: () => Item,
      afterInsert: async ({ entity, manager }: InsertEvent<Item>) => {
        await suite.app.outbox.addEvent(anEvent({ aggregateId: entity.id }), { manager });
      },
    };
    await subscribed(telling, async () => {
      await suite.app.transactions.run(() => suite.writers.items.save({ id: 'telling-1' }));
      await suite.app.dataSource
        .transaction(async () => {
          await suite.writers.items.save({ id: 'telling-2' });
          throw failure;
        })
        .catch(() => undefined);
      // Without a transaction around it: that of TypeORM's own save.
      await suite.writers.items.save({ id: 'telling-3' });
    });
    expect(await suite.stored('telling')).toEqual(both('telling-1', 'telling-3'));
    await eventually('delivery', () => delivered.includes('telling-1') && delivered.includes('telling-3'));
    expect(delivered).not.toContain('telling-2');
  });

  it('may write before the commit, in the same transaction, and after it, in one of its own', async () => {
    const write =
      (id: string) =>
      ({ queryRunner }: TransactionCommitEvent) =>
        queryRunner.query('insert into item (id) values ($1)', [id]);
    await subscribed({ beforeTransactionCommit: write('writing-1') }, async () => {
      await suite.app.dataSource.transaction(() => suite.write('writing-2'));
    });
    await subscribed({ afterTransactionCommit: write('writing-3') }, async () => {
      await suite.app.dataSource.transaction(() => suite.write('writing-4'));
    });
    expect(await suite.stored('writing')).toEqual({
      rows: ['writing-1', 'writing-2', 'writing-3', 'writing-4'],
      events: ['writing-2', 'writing-4'],
    });
  });
});
