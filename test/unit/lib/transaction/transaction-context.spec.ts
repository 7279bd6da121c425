import { setImmediate as nextTick } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  OutboxForeignTransactionError,
  OutboxIsolationMismatchError,
  OutboxPoolTooSmallError,
  OutboxTransactionEndedError,
  OutboxTransactionRequiredError,
} from '../../../../lib/errors/transaction.errors';
import type { OutboxPropagation } from '../../../../lib/transaction/propagation';
import { TransactionContext } from '../../../../lib/transaction/transaction-context';
import { FakeRunner } from '../support/fake-runner';
import { thrown } from '../support/thrown';

/** A real data source with its real entity managers, but with runners that reach no database. */
function aDataSource(): { dataSource: DataSource; opened: FakeRunner[] } {
  const dataSource = new DataSource({ type: 'postgres' });
  const opened: FakeRunner[] = [];
  dataSource.driver.createQueryRunner = () => {
    const runner = new FakeRunner(dataSource);
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

  it('watches a runner once that the data source gives out again and again, as for a test that is rolled back', () => {
    const { dataSource } = aDataSource();
    const always = new FakeRunner(dataSource);
    dataSource.driver.createQueryRunner = () => always.asRunner;
    TransactionContext.of(dataSource, 'default');
    dataSource.createQueryRunner();
    const methods = (): unknown[] => Object.values(always).filter((value) => typeof value === 'function');
    const watched = methods();
    dataSource.createQueryRunner();
    expect(watched).toHaveLength(5);
    expect(methods()).toEqual(watched);
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
    expect(statementsOf(opened)).toEqual([['START', 'SET SERIALIZABLE', 'COMMIT']]);
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
    await expect(context.run(() => dataSource.query('a'))).resolves.toBeDefined();
    expect(statementsOf(opened)).toEqual([['START', 'a', 'COMMIT']]);
  });

  it('joins the one that there is', async () => {
    const { dataSource, opened, context } = enlisted();
    await context.run(() => context.run(() => dataSource.query('a')));
    await dataSource.transaction(() => context.run(() => dataSource.query('b')));
    expect(statementsOf(opened)).toEqual([
      ['START', 'a', 'COMMIT'],
      ['START', 'b', 'COMMIT'],
    ]);
  });

  it('rolls back by failing', async () => {
    const { opened, context } = enlisted();
    await expect(context.run(() => Promise.reject(new Error('no stock')))).rejects.toThrow('no stock');
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
        await context.run(() => Promise.resolve());
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
    expect(error.mock.calls).toEqual([['A hook that runs after the end of a transaction has failed: Error: no relay']]);
    error.mockRestore();
  });
});

describe('propagation', () => {
  it.each<[OutboxPropagation, string[][]]>([
    ['REQUIRED', [['START', 'before', 'a', 'after', 'COMMIT']]],
    ['MANDATORY', [['START', 'before', 'a', 'after', 'COMMIT']]],
    ['NESTED', [['START', 'before', 'SAVEPOINT 1', 'a', 'RELEASE 1', 'after', 'COMMIT']]],
    [
      'REQUIRES_NEW',
      [
        ['START', 'before', 'after', 'COMMIT'],
        ['START', 'a', 'COMMIT'],
      ],
    ],
  ])('%s inside a transaction', async (propagation, expected) => {
    const { dataSource, opened, context } = enlisted();
    await context.run(async () => {
      await dataSource.query('before');
      await context.run(() => dataSource.query('a'), { propagation });
      await dataSource.query('after');
    });
    expect(statementsOf(opened)).toEqual(expected);
  });

  it.each<[OutboxPropagation, string[][]]>([
    ['REQUIRED', [['START', 'a', 'after', 'COMMIT']]],
    ['MANDATORY', [['START', 'a', 'after', 'COMMIT']]],
    ['NESTED', [['START', 'SAVEPOINT 1', 'a', 'ROLLBACK TO 1', 'after', 'COMMIT']]],
    [
      'REQUIRES_NEW',
      [
        ['START', 'after', 'COMMIT'],
        ['START', 'a', 'ROLLBACK'],
      ],
    ],
  ])('%s inside a transaction that goes on after it has failed', async (propagation, expected) => {
    const { dataSource, opened, context } = enlisted();
    await context.run(async () => {
      const work = async (): Promise<never> => {
        await dataSource.query('a');
        throw new Error('no stock');
      };
      await expect(context.run(work, { propagation })).rejects.toThrow('no stock');
      await dataSource.query('after');
    });
    expect(statementsOf(opened)).toEqual(expected);
  });

  it.each<OutboxPropagation>(['REQUIRED', 'NESTED', 'REQUIRES_NEW'])('%s outside begins one', async (propagation) => {
    const { dataSource, opened, context } = enlisted();
    await context.run(() => dataSource.query('a'), { propagation, isolationLevel: 'SERIALIZABLE' });
    expect(statementsOf(opened)).toEqual([['START', 'SET SERIALIZABLE', 'a', 'COMMIT']]);
  });

  it('MANDATORY outside is refused by a rejection, and runs nothing', async () => {
    const { opened, context } = enlisted();
    const work = jest.fn();
    let returned: Promise<unknown> | undefined;
    expect(() => {
      returned = context.run(work, { propagation: 'MANDATORY' });
    }).not.toThrow();
    await expect(returned).rejects.toThrow(OutboxTransactionRequiredError);
    expect(work).not.toHaveBeenCalled();
    expect(opened).toEqual([]);
  });

  it('in work that throws before its first await rejects', async () => {
    const { opened, context } = enlisted();
    const work = (): Promise<never> => {
      throw new Error('no stock');
    };
    await expect(context.run(() => context.run(work))).rejects.toThrow('no stock');
    expect(statementsOf(opened)).toEqual([['START', 'ROLLBACK']]);
  });
});

describe('an isolation level', () => {
  const nothing = (): Promise<void> => Promise.resolve();

  it.each<OutboxPropagation>(['REQUIRED', 'NESTED', 'MANDATORY'])(
    'that the joined transaction was begun with is right without asking the database: %s',
    async (propagation) => {
      const { opened, context } = enlisted();
      await context.run(() => context.run(nothing, { propagation, isolationLevel: 'REPEATABLE READ' }), {
        isolationLevel: 'REPEATABLE READ',
      });
      expect(statementsOf(opened).flat()).not.toContain('show transaction_isolation');
    },
  );

  it.each<OutboxPropagation>(['REQUIRED', 'NESTED', 'MANDATORY'])(
    'that the joined transaction does not have is refused, and runs nothing: %s',
    async (propagation) => {
      const { context } = enlisted();
      const work = jest.fn();
      await context.run(
        async () => {
          const error = await thrown(OutboxIsolationMismatchError, () =>
            context.run(work, { propagation, isolationLevel: 'SERIALIZABLE' }),
          );
          expect(error.message).toContain('SERIALIZABLE was asked for');
          expect(error.message).toContain('runs at REPEATABLE READ');
        },
        { isolationLevel: 'REPEATABLE READ' },
      );
      expect(work).not.toHaveBeenCalled();
    },
  );

  it.each([
    ['serializable', undefined],
    ['read committed', OutboxIsolationMismatchError],
  ])('is compared with what the database says where none was asked for: %s', async (actual, refused) => {
    const { opened, context } = enlisted();
    const work = jest.fn(nothing);
    const joining = context.run(async () => {
      opened[0]?.answers.set('show transaction_isolation', [{ transaction_isolation: actual }]);
      await context.run(work, { isolationLevel: 'SERIALIZABLE' });
    });
    await (refused === undefined ? joining : expect(joining).rejects.toThrow(refused));
    expect(work).toHaveBeenCalledTimes(refused === undefined ? 1 : 0);
  });

  it('of an independent transaction may be another one', async () => {
    const { opened, context } = enlisted();
    await context.run(() => context.run(nothing, { propagation: 'REQUIRES_NEW', isolationLevel: 'SERIALIZABLE' }), {
      isolationLevel: 'READ COMMITTED',
    });
    expect(statementsOf(opened)).toEqual([
      ['START', 'SET READ COMMITTED', 'COMMIT'],
      ['START', 'SET SERIALIZABLE', 'COMMIT'],
    ]);
  });
});

describe('a transaction that was begun by hand', () => {
  it('is the current one of the work that is bound to it, by its runner or its manager', async () => {
    const { dataSource, opened, context } = enlisted();
    const queryRunner = dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    await expect(context.bind({ queryRunner }, () => dataSource.query('a'))).resolves.toBeDefined();
    await context.bind({ manager: queryRunner.manager }, async () => {
      expect(context.active).toBe(true);
      await dataSource.query('b');
    });
    expect(context.active).toBe(false);
    await queryRunner.commitTransaction();
    expect(statementsOf(opened)).toEqual([['START', 'a', 'b', 'COMMIT']]);
  });

  it('is not ended by the work, even where that fails', async () => {
    const { dataSource, opened, context } = enlisted();
    const queryRunner = dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    await expect(context.bind({ queryRunner }, () => Promise.reject(new Error('no stock')))).rejects.toThrow(
      'no stock',
    );
    expect(statementsOf(opened)).toEqual([['START']]);
  });

  it('may be one that was begun before the outbox knew the data source', async () => {
    const { dataSource, opened } = aDataSource();
    const queryRunner = dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    const context = TransactionContext.of(dataSource, 'default');
    const hook = jest.fn();
    await context.bind({ queryRunner }, async () => {
      context.afterCommit(hook);
      await dataSource.query('a');
    });
    await queryRunner.commitTransaction();
    expect(statementsOf(opened)).toEqual([['START', 'a', 'COMMIT']]);
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('may be one that was begun inside another one', async () => {
    const { dataSource, opened, context } = enlisted();
    const hook = jest.fn();
    await dataSource.transaction(async () => {
      const queryRunner = dataSource.createQueryRunner();
      await queryRunner.startTransaction();
      await context.bind({ queryRunner }, async () => {
        context.afterCommit(hook);
        await dataSource.query('inner');
      });
      await dataSource.query('outer');
      await queryRunner.commitTransaction();
      expect(hook).toHaveBeenCalledTimes(1);
      await queryRunner.release();
    });
    expect(statementsOf(opened)).toEqual([
      ['START', 'outer', 'COMMIT'],
      ['START', 'inner', 'COMMIT'],
    ]);
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('tells the work so that outlives it', async () => {
    const { dataSource, opened, context } = enlisted();
    const queryRunner = dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    let stray: Promise<unknown> | undefined;
    await context.bind({ queryRunner }, async () => {
      stray = thrown(OutboxTransactionEndedError, async () => {
        await nextTick();
        await dataSource.query('stray');
      });
      return Promise.resolve();
    });
    await queryRunner.rollbackTransaction();
    await stray;
    expect(statementsOf(opened)).toEqual([['START', 'ROLLBACK']]);
  });

  it('is refused where it has not begun', async () => {
    const { dataSource, context } = enlisted();
    const queryRunner = dataSource.createQueryRunner();
    const work = jest.fn();
    await thrown(OutboxTransactionRequiredError, () => context.bind({ queryRunner }, work));
    await thrown(OutboxTransactionRequiredError, () => context.bind({ manager: dataSource.manager }, work));
    expect(work).not.toHaveBeenCalled();
  });

  it('is refused where it belongs to another data source', async () => {
    const { context } = enlisted();
    const queryRunner = enlisted().dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    const work = jest.fn();
    const error = await thrown(OutboxForeignTransactionError, () => context.bind({ queryRunner }, work));
    expect(error.message).toContain('does not belong to the data source "default"');
    expect(work).not.toHaveBeenCalled();
  });
});

describe('hooks of the current transaction', () => {
  it('are called after it has ended, outside of it, and once', async () => {
    const { opened, context } = enlisted();
    const log: unknown[] = [];
    const hook = (name: string) => (): void => void log.push(name, context.active, statementsOf(opened).flat().at(-1));
    await context.run(() => {
      context.afterCommit(hook('committed'));
      context.afterRollback(hook('rolled back'));
      return Promise.resolve();
    });
    await expect(
      context.run(() => {
        context.afterCommit(hook('committed'));
        context.afterRollback(hook('rolled back'));
        return Promise.reject(new Error('no stock'));
      }),
    ).rejects.toThrow('no stock');
    expect(log).toEqual(['committed', false, 'COMMIT', 'rolled back', false, 'ROLLBACK']);
  });

  it('are refused where there is none, and after its end', async () => {
    const { context } = enlisted();
    const refused = (kind: typeof OutboxTransactionEndedError | typeof OutboxTransactionRequiredError): void => {
      expect(() => context.afterCommit(jest.fn())).toThrow(kind);
      expect(() => context.afterRollback(jest.fn())).toThrow(kind);
    };
    refused(OutboxTransactionRequiredError);
    let stray: Promise<void> | undefined;
    await context.run(() => {
      stray = nextTick().then(() => refused(OutboxTransactionEndedError));
      return Promise.resolve();
    });
    await stray;
  });

  it('are logged where they reject, and nobody waits for them', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation();
    const { context } = enlisted();
    let fail = (): void => undefined;
    await context.run(() => {
      context.afterCommit(() => new Promise((_resolve, reject) => (fail = () => reject(new Error('no relay')))));
      return Promise.resolve();
    });
    expect(error).not.toHaveBeenCalled();
    fail();
    await nextTick();
    expect(error.mock.calls).toEqual([['A hook that runs after the end of a transaction has failed: Error: no relay']]);
    error.mockRestore();
  });
});

describe('an independent transaction inside another one, with a pool of one', () => {
  function pooled(max: number): ReturnType<typeof enlisted> {
    const all = enlisted();
    Object.assign(all.dataSource.driver, { master: { options: { max } } });
    return all;
  }

  it.each<[string, (all: ReturnType<typeof enlisted>) => Promise<unknown>]>([
    ['REQUIRES_NEW', ({ context }) => context.run(() => Promise.resolve(), { propagation: 'REQUIRES_NEW' })],
    ['dataSource.transaction', ({ dataSource }) => dataSource.transaction(() => Promise.resolve())],
    ['a hand-made runner', ({ dataSource }) => dataSource.createQueryRunner().startTransaction()],
  ])('is refused at once, as it would wait for ever: %s', async (_what, begin) => {
    const all = pooled(1);
    await all.dataSource.transaction(async () => {
      const error = await thrown(OutboxPoolTooSmallError, () => begin(all));
      expect(error.message).toContain('the pool of the data source "default" has only one');
    });
    expect(statementsOf(all.opened)).toEqual([['START', 'COMMIT']]);
  });

  it('is not refused where there are two, and outside of a transaction', async () => {
    const two = pooled(2);
    await two.context.run(() => two.context.run(() => Promise.resolve(), { propagation: 'REQUIRES_NEW' }));
    expect(two.opened).toHaveLength(2);
    const one = pooled(1);
    await one.context.run(() => Promise.resolve(), { propagation: 'REQUIRES_NEW' });
    expect(one.opened).toHaveLength(1);
  });
});

describe('what outlives a transaction', () => {
  it('cannot set a savepoint in it', async () => {
    const { dataSource, opened } = enlisted();
    let stray: Promise<unknown> | undefined;
    await dataSource.transaction((manager) => {
      stray = thrown(OutboxTransactionEndedError, async () => {
        await nextTick();
        await manager.transaction(() => Promise.resolve());
      });
      return Promise.resolve();
    });
    await stray;
    expect(statementsOf(opened)).toEqual([['START', 'COMMIT']]);
  });
});
