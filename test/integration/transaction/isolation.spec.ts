import { Injectable } from '@nestjs/common';
import {
  Outboxed,
  OutboxIsolationMismatchError,
  type OutboxIsolationLevel,
  type OutboxPropagation,
} from 'nestjs-outboxed';
import { both, TransactionSuite } from '../support/transaction-suite';

const levels: readonly OutboxIsolationLevel[] = [
  'READ UNCOMMITTED',
  'READ COMMITTED',
  'REPEATABLE READ',
  'SERIALIZABLE',
];

@Injectable()
class Decorated {
  @Outboxed({ isolationLevel: 'SERIALIZABLE' })
  async serializable<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }
}

describe('The isolation level', () => {
  const suite = TransactionSuite.declare({ providers: [Decorated] });
  const actual = async (): Promise<string> => {
    const [row] = await suite.app.dataSource.query<{ transaction_isolation: string }[]>('show transaction_isolation');
    return row!.transaction_isolation.toUpperCase();
  };

  it.each(levels)('%s is in force', async (isolationLevel) => {
    expect(await suite.app.transactions.run(actual, { isolationLevel })).toBe(isolationLevel);
  });

  it('of @Outboxed is in force', async () => {
    expect(await suite.app.module.get(Decorated).serializable(actual)).toBe('SERIALIZABLE');
  });

  it("is the database's where none is asked for", async () => {
    expect(await suite.app.transactions.run(actual)).toBe('READ COMMITTED');
  });

  it('SERIALIZABLE refuses one of two transactions that overlook each other, with its events', async () => {
    const { items } = suite.writers;
    await items.save([{ id: 'doctor-1' }, { id: 'doctor-2' }]);
    let arrived = 0;
    let go = (): void => undefined;
    const bothHaveRead = new Promise<void>((resolve) => (go = resolve));
    const leave = (id: string): Promise<void> =>
      suite.app.module.get(Decorated).serializable(async () => {
        const onCall = await items.countBy({ note: '' });
        if (++arrived === 2) {
          go();
        }
        await bothHaveRead;
        expect(onCall).toBeGreaterThanOrEqual(2);
        await items.update({ id }, { note: 'left' });
        await suite.writers.addEvent(`left-${id}`);
      });
    const outcomes = await Promise.allSettled([leave('doctor-1'), leave('doctor-2')]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { driverError: { code: '40001' } },
    });
    expect((await suite.stored('left-')).events).toHaveLength(1);
  });

  describe.each<OutboxPropagation>(['REQUIRED', 'NESTED', 'MANDATORY'])(
    'of a transaction that is joined: %s',
    (propagation) => {
      it.each(levels)('may be asked for again: %s', async (isolationLevel) => {
        const level = await suite.app.transactions.run(
          () => suite.app.transactions.run(actual, { propagation, isolationLevel }),
          { isolationLevel },
        );
        expect(level).toBe(isolationLevel);
      });

      it('is refused if it is another one, and nothing is run', async () => {
        const id = `mismatch-${propagation}`;
        const work = jest.fn();
        await suite.app.dataSource.transaction('REPEATABLE READ', async () => {
          const joining = suite.app.transactions.run(work, { propagation, isolationLevel: 'SERIALIZABLE' });
          await expect(joining).rejects.toBeInstanceOf(OutboxIsolationMismatchError);
          await expect(joining).rejects.toThrow('runs at REPEATABLE READ');
          await suite.write(id);
        });
        expect(work).not.toHaveBeenCalled();
        expect(await suite.stored(id)).toEqual(both(id));
      });

      it("is refused also where that one runs at the database's default", async () => {
        await suite.app.dataSource.transaction(async () => {
          const join = (isolationLevel: OutboxIsolationLevel): Promise<string> =>
            suite.app.transactions.run(actual, { propagation, isolationLevel });
          await expect(join('SERIALIZABLE')).rejects.toThrow('runs at READ COMMITTED');
          expect(await join('READ COMMITTED')).toBe('READ COMMITTED');
        });
      });
    },
  );

  it('is refused in a savepoint of a transaction of another one', async () => {
    await suite.app.dataSource.transaction('SERIALIZABLE', (manager) =>
      manager.transaction(async () => {
        const join = (isolationLevel: OutboxIsolationLevel): Promise<string> =>
          suite.app.transactions.run(actual, { isolationLevel });
        await expect(join('REPEATABLE READ')).rejects.toBeInstanceOf(OutboxIsolationMismatchError);
        expect(await join('SERIALIZABLE')).toBe('SERIALIZABLE');
      }),
    );
  });

  it('is known of a transaction that was begun by hand with a statement of its own', async () => {
    const queryRunner = suite.app.dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    await queryRunner.query('set transaction isolation level serializable');
    const join = (isolationLevel: OutboxIsolationLevel): Promise<string> =>
      suite.app.transactions.bind({ queryRunner }, () => suite.app.transactions.run(actual, { isolationLevel }));
    expect(await join('SERIALIZABLE')).toBe('SERIALIZABLE');
    await expect(join('READ COMMITTED')).rejects.toThrow('runs at SERIALIZABLE');
    await queryRunner.rollbackTransaction();
    await queryRunner.release();
  });

  it('of an independent transaction is its own', async () => {
    const [outer, inner] = await suite.app.dataSource.transaction('REPEATABLE READ', async () => [
      await actual(),
      await suite.app.transactions.run(actual, { propagation: 'REQUIRES_NEW', isolationLevel: 'SERIALIZABLE' }),
    ]);
    expect([outer, inner]).toEqual(['REPEATABLE READ', 'SERIALIZABLE']);
  });
});

describe("The data source's isolation level", () => {
  const suite = TransactionSuite.declare({
    typeorm: { extra: { options: '-c default_transaction_isolation=serializable' } },
  });

  it('is compared with the one that is asked for', async () => {
    const joined = jest.fn().mockResolvedValue('joined');
    await suite.app.dataSource.transaction(async () => {
      await expect(suite.app.transactions.run(joined, { isolationLevel: 'READ COMMITTED' })).rejects.toThrow(
        'runs at SERIALIZABLE',
      );
      expect(joined).not.toHaveBeenCalled();
      await expect(suite.app.transactions.run(joined, { isolationLevel: 'SERIALIZABLE' })).resolves.toBe('joined');
    });
  });
});
