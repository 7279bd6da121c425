import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { Item } from '../support/item.entity';
import { anEvent } from '../support/outbox-app';
import { both, TransactionSuite } from '../support/transaction-suite';
import { allConnectionsAreBack } from '../support/pool';

const ROUNDS = 40;
const WRITERS = 8;

describe('A fail-fast Promise.all', () => {
  const suite = TransactionSuite.declare({ typeorm: { extra: { max: 4 } } });
  const failure = new Error('one writer fails');

  /** One transaction with eight writers, of which one fails early, so that the others go on after the rollback. Returns how many were refused. */
  async function round(n: number, write: (manager: EntityManager, id: string) => Promise<unknown>): Promise<number> {
    const others: Promise<unknown>[] = [];
    const transaction = suite.app.dataSource.transaction(async (manager) => {
      await Promise.all(
        Array.from({ length: WRITERS }, (_, writer) => {
          const writing = (async () => {
            for (let step = 0; step < 4; step++) {
              await write(manager, `${String(n)}-${String(writer)}-${String(step)}`);
              if (writer === n % WRITERS && step === n % 3) {
                throw failure;
              }
              if (writer % 2 === 0) {
                // Some writers have something else to wait for, so that they come back at all moments of the rollback.
                await (writer % 4 === 0 ? sleep(step % 2) : Promise.resolve());
              }
            }
          })();
          others.push(writing);
          return writing;
        }),
      );
    });
    await expect(transaction).rejects.toBe(failure);
    const outcomes = await Promise.allSettled(others);
    return outcomes.filter((outcome) => outcome.status === 'rejected' && outcome.reason !== failure).length;
  }

  it.each<[string, (manager: EntityManager, id: string) => Promise<unknown>]>([
    [
      'injected repositories and addEvent',
      async (_manager, id) => {
        await suite.writers.items.save({ id: `phantom-${id}` });
        await suite.writers.addEvent(`phantom-${id}`);
      },
    ],
    [
      'inserts and queries of the data source',
      async (_manager, id) => {
        await suite.writers.items.insert({ id: `phantom-insert-${id}` });
        await suite.app.dataSource.query('insert into item (id) values ($1)', [`phantom-query-${id}`]);
      },
    ],
    ["the callback's manager", (manager, id) => manager.save(Item, { id: `phantom-${id}` })],
    [
      "the callback's manager, and addEvent with it",
      async (manager, id) => {
        await manager.insert(Item, { id: `phantom-insert-${id}` });
        await suite.app.outbox.addEvent(anEvent({ aggregateId: `phantom-${id}` }), { manager });
      },
    ],
  ])(`leaves no phantom row in ${String(ROUNDS)} rounds of ${String(WRITERS)} writers: %s`, async (_what, write) => {
    let refused = 0;
    for (let n = 0; n < ROUNDS; n++) {
      refused += await round(n, write);
    }
    // Else there was nothing to guard against.
    expect(refused).toBeGreaterThan(ROUNDS);
    expect(await suite.stored('phantom')).toEqual(both());
  });

  it('leaves every connection of the pool as it was', async () => {
    await allConnectionsAreBack(suite.app.dataSource);
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => suite.app.dataSource.transaction(() => suite.write(`after-${String(n)}`))),
    );
    await suite.app.dataSource.query(`insert into item (id) values ('after-alone')`);
    expect((await suite.stored('after')).rows).toHaveLength(9);
  });
});
