import { both, TransactionSuite } from '../support/transaction-suite';

describe('A savepoint', () => {
  const suite = TransactionSuite.declare();
  const failure = new Error('back to the savepoint');
  const transaction = (
    work: (savepoint: (inner: () => Promise<void>) => Promise<void>) => Promise<void>,
  ): Promise<void> => suite.app.dataSource.transaction((manager) => work((inner) => manager.transaction(inner)));

  it('that is rolled back loses exactly what was written inside it, by addEvents too', async () => {
    await transaction(async (savepoint) => {
      await suite.write('a-1');
      await savepoint(async () => {
        await suite.write('a-2');
        await suite.app.outbox.addEvents([event('a-3'), event('a-4')]);
        throw failure;
      }).catch((error: unknown) => expect(error).toBe(failure));
      await suite.write('a-5');
    });
    expect(await suite.stored('a-')).toEqual(both('a-1', 'a-5'));
  });

  it('inside one that is rolled back is lost with it', async () => {
    await transaction(async (savepoint) => {
      await savepoint(async () => {
        await suite.write('b-1');
        await savepoint(() => suite.write('b-2'));
        throw failure;
      }).catch(() => undefined);
      await suite.write('b-3');
    });
    expect(await suite.stored('b-')).toEqual(both('b-3'));
  });

  it('that is rolled back inside one that is kept leaves the rest of that', async () => {
    await transaction(async (savepoint) => {
      await savepoint(async () => {
        await suite.write('c-1');
        await savepoint(async () => {
          await suite.write('c-2');
          throw failure;
        }).catch(() => undefined);
        await suite.write('c-3');
      });
    });
    expect(await suite.stored('c-')).toEqual(both('c-1', 'c-3'));
  });

  it('that is kept is lost with its transaction', async () => {
    await expect(
      transaction(async (savepoint) => {
        await savepoint(() => suite.write('d-1'));
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await suite.stored('d-')).toEqual(both());
  });

  it('leaves the order of a key as it was, where a rolled back one has taken the key before', async () => {
    await transaction(async (savepoint) => {
      await savepoint(async () => {
        await suite.app.outbox.addEvent({ ...event('e-1'), eventKey: 'e' });
        throw failure;
      }).catch(() => undefined);
      await suite.app.outbox.addEvent({ ...event('e-2'), eventKey: 'e' });
    });
    await transaction(async () => {
      await suite.app.outbox.addEvent({ ...event('e-3'), eventKey: 'e' });
    });
    const rows = await suite.database.query<{ id: string }>(
      `select aggregate_id as id from event_outbox where event_key = 'e' order by seq`,
    );
    expect(rows.map(({ id }) => id)).toEqual(['e-2', 'e-3']);
  });

  it('that cannot be set, as a failed statement was swallowed, loses the savepoint around it, and no more', async () => {
    await transaction(async (savepoint) => {
      await suite.write('h-1');
      const around = savepoint(async () => {
        await suite.write('h-2');
        await suite.app.dataSource.query('select 1 / 0').catch(() => undefined);
        await expect(savepoint(() => suite.write('h-3'))).rejects.toMatchObject({ driverError: { code: '25P02' } });
      });
      await expect(around).rejects.toMatchObject({ driverError: { code: '25P02' } });
      await suite.write('h-4');
    });
    expect(await suite.stored('h-')).toEqual(both('h-1', 'h-4'));
  });

  it.each(['commitTransaction', 'rollbackTransaction'] as const)(
    'that its own code has ended by hand costs the transaction, of which no part is committed: %s',
    async (end) => {
      const ended = suite.app.dataSource.transaction(async (manager) => {
        await suite.write(`i-${end}-1`);
        await manager.transaction(async (inner) => {
          await suite.write(`i-${end}-2`);
          await inner.queryRunner![end]();
        });
        await suite.write(`i-${end}-3`);
      });
      await expect(ended).rejects.toMatchObject({ code: 'OUTBOX_TRANSACTION_ENDED' });
      expect(await suite.stored(`i-${end}`)).toEqual(both());
    },
  );

  it('that is set by hand on a bound runner is followed', async () => {
    const queryRunner = suite.app.dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    await suite.app.transactions.bind({ queryRunner }, () => suite.write('f-1'));
    await queryRunner.startTransaction();
    await suite.app.transactions.bind({ queryRunner }, () => suite.write('f-2'));
    await queryRunner.rollbackTransaction();
    await suite.app.transactions.bind({ queryRunner }, () => suite.write('f-3'));
    await queryRunner.commitTransaction();
    await queryRunner.release();
    expect(await suite.stored('f-')).toEqual(both('f-1', 'f-3'));
  });

  it('is the current frame until it ends: the transaction goes on after it, for code of which nothing is known, too', async () => {
    const { dataSource } = suite.app;
    await dataSource.transaction(async (manager) => {
      await manager.transaction(() => suite.write('g-1'));
      // As a callback of an old library: outside of any asynchronous context of this transaction.
      await outsideOfAnyContext(() => manager.query(`insert into item (id) values ('g-2')`));
      await suite.writers.addEvent('g-2');
    });
    expect(await suite.stored('g-')).toEqual(both('g-1', 'g-2'));
  });
});

function event(aggregateId: string): {
  aggregateType: string;
  aggregateId: string;
  eventType: string;
  topic: string;
  eventData: unknown;
} {
  return { aggregateType: 'item', aggregateId, eventType: 'ItemChanged', topic: 'items', eventData: {} };
}

const waiting: (() => void)[] = [];
const worker = setInterval(() => waiting.splice(0).forEach((run) => run()), 1);
afterAll(() => clearInterval(worker));

/** Runs `work` from a timer that was started before, as a queue's worker would. */
function outsideOfAnyContext<T>(work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    waiting.push(() => {
      work().then(resolve, reject);
    });
  });
}
