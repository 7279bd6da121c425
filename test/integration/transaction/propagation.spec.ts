import { Injectable } from '@nestjs/common';
import { Outboxed, OutboxTransactionRequiredError, type OutboxPropagation } from 'nestjs-outboxed';
import { both, TransactionSuite } from '../support/transaction-suite';

type Work = () => Promise<void>;

@Injectable()
class Decorated {
  @Outboxed({ propagation: 'REQUIRED' })
  async REQUIRED(work: Work): Promise<void> {
    await work();
  }

  @Outboxed({ propagation: 'REQUIRES_NEW' })
  async REQUIRES_NEW(work: Work): Promise<void> {
    await work();
  }

  @Outboxed({ propagation: 'NESTED' })
  async NESTED(work: Work): Promise<void> {
    await work();
  }

  @Outboxed({ propagation: 'MANDATORY' })
  async MANDATORY(work: Work): Promise<void> {
    await work();
  }
}

describe.each(['@Outboxed({ propagation })', 'transactions.run'])('%s', (how) => {
  const suite = TransactionSuite.declare({ providers: [Decorated] });
  const failure = new Error('no stock');

  const run = (propagation: OutboxPropagation, work: Work): Promise<void> =>
    how === 'transactions.run'
      ? suite.app.transactions.run(work, { propagation })
      : suite.app.module.get(Decorated)[propagation](work);

  const outer = (work: Work): Promise<void> => suite.app.dataSource.transaction(work);
  const transactionId = async (): Promise<string> => {
    const [row] = await suite.app.dataSource.query<{ xid: string }[]>('select pg_current_xact_id()::text as xid');
    return row!.xid;
  };
  /** Writes one id inside and one before and after it, and returns whether both were in one database transaction. */
  const around = async (propagation: OutboxPropagation, id: string, inside: Work): Promise<boolean> => {
    await suite.write(`${id}-1`);
    const [own, inner] = [await transactionId(), { xid: '' }];
    await run(propagation, async () => {
      inner.xid = await transactionId();
      await inside();
    }).catch((error: unknown) => expect(error).toBe(failure));
    await suite.write(`${id}-3`);
    return own === inner.xid;
  };

  describe.each<OutboxPropagation>(['REQUIRED', 'REQUIRES_NEW', 'NESTED'])(
    '%s outside a transaction',
    (propagation) => {
      it('begins one, which commits', async () => {
        await run(propagation, async () => {
          expect(suite.app.transactions.active).toBe(true);
          await suite.write(`out-${propagation}`);
          expect(await suite.stored(`out-${propagation}`)).toEqual(both());
        });
        expect(await suite.stored(`out-${propagation}`)).toEqual(both(`out-${propagation}`));
      });

      it('begins one, which is rolled back if the work fails', async () => {
        const failing = run(propagation, async () => {
          await suite.write(`out-failing-${propagation}`);
          throw failure;
        });
        await expect(failing).rejects.toBe(failure);
        expect(await suite.stored(`out-failing-${propagation}`)).toEqual(both());
      });
    },
  );

  it('MANDATORY outside a transaction is refused, and runs nothing', async () => {
    const work = jest.fn();
    await expect(run('MANDATORY', work)).rejects.toBeInstanceOf(OutboxTransactionRequiredError);
    expect(work).not.toHaveBeenCalled();
  });

  describe.each<OutboxPropagation>(['REQUIRED', 'MANDATORY'])('%s inside a transaction', (propagation) => {
    it('joins it', async () => {
      const id = `join-${propagation}`;
      let same = false;
      await outer(async () => {
        same = await around(propagation, id, () => suite.write(`${id}-2`));
        expect(await suite.stored(id)).toEqual(both());
      });
      expect(same).toBe(true);
      expect(await suite.stored(id)).toEqual(both(`${id}-1`, `${id}-2`, `${id}-3`));
    });

    it('is rolled back with it', async () => {
      const id = `join-failing-${propagation}`;
      const failing = outer(async () => {
        await around(propagation, id, () => suite.write(`${id}-2`));
        throw failure;
      });
      await expect(failing).rejects.toBe(failure);
      expect(await suite.stored(id)).toEqual(both());
    });

    it('keeps what it wrote before it failed, if the caller goes on: there is no transaction of its own to roll back', async () => {
      const id = `join-caught-${propagation}`;
      await outer(async () => {
        await around(propagation, id, async () => {
          await suite.write(`${id}-2`);
          throw failure;
        });
      });
      expect(await suite.stored(id)).toEqual(both(`${id}-1`, `${id}-2`, `${id}-3`));
    });
  });

  describe('NESTED inside a transaction', () => {
    it('commits with it', async () => {
      let same = false;
      await outer(async () => {
        same = await around('NESTED', 'nested', () => suite.write('nested-2'));
        expect(await suite.stored('nested')).toEqual(both());
      });
      expect(same).toBe(true);
      expect(await suite.stored('nested')).toEqual(both('nested-1', 'nested-2', 'nested-3'));
    });

    it('loses what it wrote if it fails, and the caller goes on', async () => {
      await outer(async () => {
        await around('NESTED', 'lost', async () => {
          await suite.write('lost-2');
          throw failure;
        });
      });
      expect(await suite.stored('lost')).toEqual(both('lost-1', 'lost-3'));
    });

    it('lets the caller go on after a statement that has failed', async () => {
      await outer(async () => {
        await suite.write('sql-1');
        const failing = run('NESTED', async () => {
          await suite.write('sql-2');
          await suite.app.dataSource.query('select 1 / 0');
        });
        await expect(failing).rejects.toThrow('division by zero');
        await suite.write('sql-3');
      });
      expect(await suite.stored('sql')).toEqual(both('sql-1', 'sql-3'));
    });

    it('is rolled back with it', async () => {
      const failing = outer(async () => {
        await around('NESTED', 'gone', () => suite.write('gone-2'));
        throw failure;
      });
      await expect(failing).rejects.toBe(failure);
      expect(await suite.stored('gone')).toEqual(both());
    });
  });

  describe('REQUIRES_NEW inside a transaction', () => {
    it('commits by itself, also if the outer one is rolled back', async () => {
      let same = true;
      const failing = outer(async () => {
        same = await around('REQUIRES_NEW', 'new', () => suite.write('new-2'));
        expect(await suite.stored('new')).toEqual(both('new-2'));
        throw failure;
      });
      await expect(failing).rejects.toBe(failure);
      expect(same).toBe(false);
      expect(await suite.stored('new')).toEqual(both('new-2'));
    });

    it('is rolled back by itself, and the outer one commits', async () => {
      await outer(async () => {
        await around('REQUIRES_NEW', 'alone', async () => {
          await suite.write('alone-2');
          throw failure;
        });
      });
      expect(await suite.stored('alone')).toEqual(both('alone-1', 'alone-3'));
    });
  });

  it('runs frames at the same time apart from each other', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => `apart-${String(n).padStart(2, '0')}`);
    await Promise.all(
      ids.map((id, n) =>
        run('REQUIRED', async () => {
          await suite.write(id);
          if (n % 3 === 0) {
            throw failure;
          }
        }).catch(() => undefined),
      ),
    );
    expect(await suite.stored('apart')).toEqual(both(...ids.filter((_, n) => n % 3 !== 0)));
  });
});
