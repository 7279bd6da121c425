import { OutboxTransactionRequiredError } from 'nestjs-outboxed';
import { eventually } from '../support/eventually';
import { both, TransactionSuite } from '../support/transaction-suite';

describe('A hook', () => {
  const suite = TransactionSuite.declare({ typeorm: { extra: { max: 3 } } });
  const failure = new Error('no stock');
  let log: string[];
  beforeEach(() => {
    log = [];
  });

  const transactions = (): OutboxAppTransactions => suite.app.transactions;
  type OutboxAppTransactions = typeof suite.app.transactions;
  const hookBoth = (name: string): void => {
    transactions().afterCommit(() => void log.push(`${name} committed`));
    transactions().afterRollback(() => void log.push(`${name} rolled back`));
  };

  it('runs after the commit, when other connections see what was written', async () => {
    let seen: unknown;
    await transactions().run(async () => {
      await suite.write('seen');
      transactions().afterCommit(async () => {
        seen = await suite.stored('seen');
      });
    });
    expect(await eventually('the hook', () => seen)).toEqual(both('seen'));
  });

  it('runs once, and only that of the outcome', async () => {
    await transactions().run(async () => hookBoth('first'));
    await expect(
      transactions().run(async () => {
        hookBoth('second');
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(log).toEqual(['first committed', 'second rolled back']);
  });

  it('of a savepoint runs with the outcome of that, and of the transaction', async () => {
    await transactions().run(async () => {
      hookBoth('outer');
      await transactions().run(async () => hookBoth('kept'), { propagation: 'NESTED' });
      const lost = async (): Promise<void> => {
        hookBoth('lost');
        throw failure;
      };
      await transactions()
        .run(lost, { propagation: 'NESTED' })
        .catch(() => undefined);
      expect(log).toEqual(['lost rolled back']);
    });
    expect(log).toEqual(['lost rolled back', 'outer committed', 'kept committed']);
  });

  it('of a released savepoint runs as rolled back, where the transaction is', async () => {
    await transactions()
      .run(async () => {
        hookBoth('outer');
        await transactions().run(async () => hookBoth('inner'), { propagation: 'NESTED' });
        throw failure;
      })
      .catch(() => undefined);
    expect(log).toEqual(['outer rolled back', 'inner rolled back']);
  });

  it('of a method that joins runs at the end of the transaction', async () => {
    await transactions().run(async () => {
      await transactions().run(async () => hookBoth('inner'));
      expect(log).toEqual([]);
    });
    expect(log).toEqual(['inner committed']);
  });

  it('of an independent transaction runs at its own end', async () => {
    await transactions()
      .run(async () => {
        hookBoth('outer');
        await transactions().run(async () => hookBoth('inner'), { propagation: 'REQUIRES_NEW' });
        expect(log).toEqual(['inner committed']);
        throw failure;
      })
      .catch(() => undefined);
    expect(log).toEqual(['inner committed', 'outer rolled back']);
  });

  it('runs in a transaction of somebody else, too: dataSource.transaction, or one by hand', async () => {
    await suite.app.dataSource.transaction(async () => hookBoth('plain'));
    const queryRunner = suite.app.dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    await transactions().bind({ queryRunner }, async () => hookBoth('by hand'));
    expect(log).toEqual(['plain committed']);
    await queryRunner.rollbackTransaction();
    await queryRunner.release();
    expect(log).toEqual(['plain committed', 'by hand rolled back']);
  });

  it('runs outside of the transaction, and may begin one', async () => {
    let active: boolean | undefined;
    await transactions().run(async () => {
      transactions().afterCommit(async () => {
        active = transactions().active;
        await transactions().run(() => suite.write('from-hook'));
      });
    });
    await eventually('the row of the hook', async () => (await suite.stored('from-hook')).events.length === 1);
    expect(active).toBe(false);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the hook has failed');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the hook has failed'))],
  ])('that %s is logged, and changes nothing: neither the outcome nor the other hooks', async (how, hook) => {
    const logged = suite.app.logs.length;
    const id = `failing-${how}`;
    const result = await transactions().run(async () => {
      transactions().afterCommit(hook);
      hookBoth('other');
      await suite.write(id);
      return 'done';
    });
    expect(result).toBe('done');
    await expect(
      transactions().run(async () => {
        transactions().afterRollback(hook);
        hookBoth('other');
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(log).toEqual(['other committed', 'other rolled back']);
    expect(await suite.stored(id)).toEqual(both(id));
    await eventually('two lines in the log', () => suite.app.logs.length === logged + 2);
    expect(suite.app.logs.slice(logged)).toEqual(
      Array(2).fill('A hook that runs after the end of a transaction has failed: Error: the hook has failed'),
    );
  });

  it('is not waited for', async () => {
    let end = (): void => undefined;
    const endless = new Promise<void>((resolve) => (end = resolve));
    await transactions().run(async () => transactions().afterCommit(() => endless));
    end();
  });

  it('is refused outside a transaction', () => {
    expect(() => transactions().afterCommit(() => undefined)).toThrow(OutboxTransactionRequiredError);
    expect(() => transactions().afterRollback(() => undefined)).toThrow(OutboxTransactionRequiredError);
  });
});
