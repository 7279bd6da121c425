import { setImmediate as nextTick } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { OutboxTransactionEndedError } from '../../../../lib/errors/transaction.errors';
import { TransactionContext } from '../../../../lib/transaction/transaction-context';
import { FakeRunner } from '../support/fake-runner';
import { thrown } from '../support/thrown';

/** A real data source with its real entity managers, but with runners that reach no database. */
function aDataSource(): { dataSource: DataSource; opened: FakeRunner[] } {
  const dataSource = new DataSource({ type: 'postgres' });
  const opened: FakeRunner[] = [];
  dataSource.driver.createQueryRunner = () => {
    const runner = new FakeRunner();
    opened.push(runner);
    return runner.asRunner;
  };
  return { dataSource, opened };
}

function enlisted(): { dataSource: DataSource; opened: FakeRunner[]; context: TransactionContext } {
  const { dataSource, opened } = aDataSource();
  return { dataSource, opened, context: TransactionContext.of(dataSource, 'default') };
}

const statementsOf = (opened: readonly FakeRunner[]): string[][] => opened.map(({ statements }) => statements);

describe('the transaction context', () => {
  it('is one for each data source', () => {
    const { dataSource, context } = enlisted();
    expect(TransactionContext.of(dataSource, 'default')).toBe(context);
    expect(TransactionContext.of(aDataSource().dataSource, 'default')).not.toBe(context);
  });

  it('wraps this data source only, never the prototype', () => {
    const { dataSource } = enlisted();
    const other = aDataSource().dataSource;
    expect(Object.hasOwn(dataSource, 'createQueryRunner')).toBe(true);
    expect(Object.hasOwn(other, 'createQueryRunner')).toBe(false);
    expect(Object.hasOwn(other.manager, 'transaction')).toBe(false);
  });

  it('does not wrap a second time', () => {
    const { dataSource } = enlisted();
    const { createQueryRunner } = dataSource;
    TransactionContext.of(dataSource, 'default');
    expect(dataSource.createQueryRunner).toBe(createQueryRunner);
  });

  it('knows no transaction outside of one', async () => {
    const { dataSource, opened, context } = enlisted();
    expect(context.current()).toBeUndefined();
    await dataSource.query('select 1');
    expect(statementsOf(opened)).toEqual([['select 1']]);
  });

  it('knows the transaction that the code runs in, and that it has ended after it', async () => {
    const { dataSource, opened, context } = enlisted();
    await dataSource.transaction(async (manager) => {
      await nextTick();
      expect(context.current()?.queryRunner).toBe(opened[0]);
      expect(context.current()).toBe(context.frameOf(manager.queryRunner as NonNullable<typeof manager.queryRunner>));
    });
    expect(context.current()).toBeUndefined();
    expect(statementsOf(opened)).toEqual([['START', 'COMMIT']]);
    expect(opened[0]?.isReleased).toBe(true);
  });

  it('keeps the isolation level', async () => {
    const { dataSource, opened, context } = enlisted();
    await dataSource.transaction('SERIALIZABLE', () => {
      expect(context.current()).toBeDefined();
      return Promise.resolve();
    });
    expect(statementsOf(opened)).toEqual([['START SERIALIZABLE', 'COMMIT']]);
  });

  it('lets statements without a runner of their own join', async () => {
    const { dataSource, opened } = enlisted();
    await dataSource.transaction(async () => {
      await dataSource.query('a');
      await dataSource.manager.query('b');
      await dataSource.createQueryRunner().query('c');
    });
    expect(statementsOf(opened)).toEqual([['START', 'a', 'b', 'c', 'COMMIT']]);
  });

  it('keeps transactions at the same time apart', async () => {
    const { dataSource, opened } = enlisted();
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        dataSource.transaction(async () => {
          await dataSource.query(`${name}1`);
          await nextTick();
          await dataSource.query(`${name}2`);
        }),
      ),
    );
    expect(statementsOf(opened)).toEqual(['a', 'b', 'c'].map((name) => ['START', `${name}1`, `${name}2`, 'COMMIT']));
  });

  it('keeps two data sources apart', async () => {
    const [one, other] = [enlisted(), enlisted()];
    await one.dataSource.transaction(async () => {
      expect(other.context.current()).toBeUndefined();
      await other.dataSource.query('other');
    });
    expect([statementsOf(one.opened), statementsOf(other.opened)]).toEqual([[['START', 'COMMIT']], [['other']]]);
  });

  it('leaves a transaction that is begun by the data source inside another one to itself, as without the outbox', async () => {
    const { dataSource, opened, context } = enlisted();
    await dataSource.transaction(async () => {
      const outer = context.current();
      await dataSource.transaction(async () => {
        expect(context.current()).not.toBe(outer);
        await dataSource.query('inner');
      });
      expect(context.current()).toBe(outer);
      await dataSource.query('outer');
    });
    expect(statementsOf(opened)).toEqual([
      ['START', 'outer', 'COMMIT'],
      ['START', 'inner', 'COMMIT'],
    ]);
  });

  it('follows a savepoint of the manager', async () => {
    const { dataSource, opened, context } = enlisted();
    await dataSource.transaction(async (manager) => {
      const outer = context.current();
      await manager.transaction(async () => {
        expect(context.current()?.enclosing).toBe(outer);
        await dataSource.query('inner');
      });
      expect(context.current()).toBe(outer);
      await expect(manager.transaction(() => Promise.reject(new Error('no stock')))).rejects.toThrow('no stock');
      expect(context.current()).toBe(outer);
    });
    expect(statementsOf(opened)).toEqual([
      ['START', 'SAVEPOINT 1', 'inner', 'RELEASE 1', 'SAVEPOINT 1', 'ROLLBACK TO 1', 'COMMIT'],
    ]);
  });

  it('knows the frame of a runner that was made by hand, which is not current', async () => {
    const { dataSource, context } = enlisted();
    const runner = dataSource.createQueryRunner();
    expect(context.frameOf(runner)).toBeUndefined();
    await runner.startTransaction();
    expect(context.frameOf(runner)?.queryRunner).toBe(runner);
    expect(context.current()).toBeUndefined();
    await runner.rollbackTransaction();
    expect(context.frameOf(runner)).toBeUndefined();
  });

  it('knows no frame of a runner of another data source', async () => {
    const { context } = enlisted();
    const foreign = enlisted().dataSource.createQueryRunner();
    await foreign.startTransaction();
    expect(context.frameOf(foreign)).toBeUndefined();
  });
});

describe('work that requires a transaction', () => {
  it('gets a new one where there is none', async () => {
    const { dataSource, opened, context } = enlisted();
    await expect(context.required(() => dataSource.query('a'))).resolves.toBeDefined();
    expect(statementsOf(opened)).toEqual([['START', 'a', 'COMMIT']]);
  });

  it('joins the one that there is', async () => {
    const { dataSource, opened, context } = enlisted();
    await context.required(() => context.required(() => dataSource.query('a')));
    await dataSource.transaction(() => context.required(() => dataSource.query('b')));
    expect(statementsOf(opened)).toEqual([
      ['START', 'a', 'COMMIT'],
      ['START', 'b', 'COMMIT'],
    ]);
  });

  it('rolls back by failing', async () => {
    const { opened, context } = enlisted();
    await expect(context.required(() => Promise.reject(new Error('no stock')))).rejects.toThrow('no stock');
    expect(statementsOf(opened)).toEqual([['START', 'ROLLBACK']]);
  });
});

describe('code that outlives its transaction', () => {
  it.each([
    ['committed', (): Promise<void> => Promise.resolve()],
    ['rolled back', (): Promise<void> => Promise.reject(new Error('no stock'))],
  ])('is told so where it was %s, and reaches no database', async (outcome, end) => {
    const { dataSource, opened, context } = enlisted();
    let stray: Promise<unknown> | undefined;
    await dataSource
      .transaction(() => {
        stray = thrown(OutboxTransactionEndedError, async () => {
          await nextTick();
          await dataSource.query('stray');
        });
        return end();
      })
      .catch(() => undefined);
    const error = (await stray) as OutboxTransactionEndedError;
    expect(error).toMatchObject({
      code: 'OUTBOX_TRANSACTION_ENDED',
      message: expect.stringContaining(`already ${outcome}`) as unknown,
    });
    expect(statementsOf(opened).flat()).not.toContain('stray');
    expect(context.current()).toBeUndefined();
  });

  it('is told so where it asks for a runner that it has kept from its savepoint', async () => {
    const { dataSource, opened } = enlisted();
    await dataSource.transaction(async (manager) => {
      let kept: ReturnType<DataSource['createQueryRunner']> | undefined;
      await manager.transaction(() => {
        kept = dataSource.createQueryRunner();
        return Promise.resolve();
      });
      await thrown(OutboxTransactionEndedError, () => kept?.query('stray'));
    });
    expect(statementsOf(opened).flat()).not.toContain('stray');
  });

  it('cannot begin work that requires a transaction', async () => {
    const { dataSource, context } = enlisted();
    let stray: Promise<unknown> | undefined;
    await dataSource.transaction(() => {
      stray = thrown(OutboxTransactionEndedError, async () => {
        await nextTick();
        await context.required(() => Promise.resolve());
      });
      return Promise.resolve();
    });
    await stray;
  });
});

describe('a hook that throws after the commit', () => {
  it('is logged, and neither fails the transaction nor keeps the others from being called', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation();
    const { dataSource, context } = enlisted();
    const other = jest.fn();
    await expect(
      dataSource.transaction(() => {
        context.current()?.onCommit(() => {
          throw new Error('no relay');
        });
        context.current()?.onCommit(other);
        return Promise.resolve('done');
      }),
    ).resolves.toBe('done');
    expect(other).toHaveBeenCalledTimes(1);
    expect(error.mock.calls).toEqual([['A hook that runs after the commit has failed: Error: no relay']]);
    error.mockRestore();
  });
});
