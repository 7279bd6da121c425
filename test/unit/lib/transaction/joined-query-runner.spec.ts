import { OutboxTransactionEndedError } from '../../../../lib/errors/transaction.errors';
import { joinedQueryRunner, realRunner } from '../../../../lib/transaction/joined-query-runner';
import { TransactionFrame } from '../../../../lib/transaction/transaction-frame';
import type { EntityManager, QueryRunner } from 'typeorm';
import { FakeRunner } from '../support/fake-runner';
import { thrown } from '../support/thrown';

interface Joined {
  /** The runner of the transaction that was joined. */
  readonly shared: FakeRunner;
  readonly frame: TransactionFrame;
  readonly joined: QueryRunner;
  /** Those that were opened for transactions of their own. */
  readonly opened: FakeRunner[];
}

async function join(): Promise<Joined> {
  const shared = new FakeRunner();
  await shared.startTransaction();
  const frame = new TransactionFrame(shared.asRunner, undefined, undefined);
  const opened: FakeRunner[] = [];
  const openOwn = (): QueryRunner => {
    const own = new FakeRunner();
    opened.push(own);
    return own.asRunner;
  };
  const assertOpen = ({ outcome }: TransactionFrame): void => {
    if (outcome !== undefined) {
      throw new OutboxTransactionEndedError('default', outcome);
    }
  };
  return { shared, frame, joined: joinedQueryRunner(frame, openOwn, assertOpen, managerOf), opened };
}

function managerOf(queryRunner: QueryRunner): EntityManager {
  return { queryRunner } as unknown as EntityManager;
}

describe('a runner inside a transaction', () => {
  it('runs its statements in it', async () => {
    const { shared, joined, opened } = await join();
    await joined.query('select 1');
    expect(shared.statements).toEqual(['START', 'select 1']);
    expect(opened).toEqual([]);
  });

  it('calls methods on the real runner, which they take for this', async () => {
    const { shared, joined } = await join();
    await expect(joined.query('select 1')).resolves.toEqual([shared, 'select 1']);
  });

  it('shows the state of the transaction', async () => {
    const { shared, joined } = await join();
    expect(joined.isTransactionActive).toBe(true);
    expect(joined.data).toBe(shared.data);
    shared.isTransactionActive = false;
    expect(joined.isTransactionActive).toBe(false);
  });

  it('sets what is set on it', async () => {
    const { shared, joined } = await join();
    joined.data = { request: 7 };
    expect(shared.data).toEqual({ request: 7 });
  });

  it('is not released, as the connection belongs to the transaction', async () => {
    const { shared, joined } = await join();
    await joined.release();
    expect(shared.isReleased).toBe(false);
    await expect(joined.query('select 1')).resolves.toBeDefined();
  });

  it('may be released after the transaction has ended', async () => {
    const { frame, joined } = await join();
    frame.commit();
    await expect(joined.release()).resolves.toBeUndefined();
  });

  describe('on which a transaction is begun', () => {
    it('goes on with a connection of its own', async () => {
      const { shared, joined, opened } = await join();
      await joined.startTransaction('SERIALIZABLE');
      await joined.query('insert');
      await joined.commitTransaction();
      expect(opened.map(({ statements }) => statements)).toEqual([['START', 'SET SERIALIZABLE', 'insert', 'COMMIT']]);
      expect(shared.statements).toEqual(['START']);
    });

    it('begins savepoints on that one', async () => {
      const { joined, opened } = await join();
      await joined.startTransaction();
      await joined.startTransaction();
      await joined.rollbackTransaction();
      await joined.rollbackTransaction();
      expect(opened.map(({ statements }) => statements)).toEqual([
        ['START', 'SAVEPOINT 1', 'ROLLBACK TO 1', 'ROLLBACK'],
      ]);
    });

    it('shows and sets the state of that one', async () => {
      const { shared, joined, opened } = await join();
      await joined.startTransaction();
      const [own] = opened;
      joined.data = { own: true };
      expect(own?.data).toEqual({ own: true });
      expect(shared.data).toEqual({});
      await joined.commitTransaction();
      expect([joined.isTransactionActive, shared.isTransactionActive]).toEqual([false, true]);
    });

    it('releases that one, and not the one it had joined', async () => {
      const { shared, joined, opened } = await join();
      await joined.startTransaction();
      await joined.rollbackTransaction();
      await joined.release();
      expect([opened[0]?.isReleased, shared.isReleased]).toEqual([true, false]);
    });

    it('can go on after the transaction that it had joined has ended', async () => {
      const { frame, joined, opened } = await join();
      await joined.startTransaction();
      frame.commit();
      await joined.query('insert');
      await joined.commitTransaction();
      expect(opened[0]?.statements).toEqual(['START', 'insert', 'COMMIT']);
    });
  });

  it('begins none after the transaction has ended', async () => {
    const { frame, joined, opened } = await join();
    frame.rollback();
    await thrown(OutboxTransactionEndedError, () => joined.startTransaction());
    expect(opened).toEqual([]);
  });

  it('stands for the real one, until it has one of its own', async () => {
    const { shared, joined, opened } = await join();
    expect(realRunner(joined)).toBe(shared);
    await joined.startTransaction();
    expect(realRunner(joined)).toBe(opened[0]);
    expect(realRunner(shared.asRunner)).toBe(shared);
  });

  it('is one of several, each of which may begin a transaction of its own', async () => {
    const { shared, frame } = await join();
    const owns = [new FakeRunner(), new FakeRunner()];
    const [first, second] = owns.map((own) =>
      joinedQueryRunner(
        frame,
        () => own.asRunner,
        () => undefined,
        managerOf,
      ),
    );
    await first?.startTransaction();
    await second?.query('select 1');
    expect(shared.statements).toEqual(['START', 'select 1']);
    expect(owns.map(({ statements }) => statements)).toEqual([['START'], []]);
  });

  it.each(['commit', 'rollback'] as const)('refuses statements after the %s', async (end) => {
    const { shared, frame, joined } = await join();
    frame[end]();
    const error = await thrown(OutboxTransactionEndedError, () => joined.query('insert'));
    expect(error.message).toContain(end === 'commit' ? 'which has already committed' : 'which was already rolled back');
    expect(error.message).toMatch(
      /Put an await before it; or, if it is a member of a Promise\.all .* use Promise\.allSettled/,
    );
    expect(shared.statements).toEqual(['START']);
  });

  it('refuses statements in its methods that were taken before the end', async () => {
    const { shared, frame, joined } = await join();
    const query = joined.query.bind(joined);
    frame.rollback();
    await thrown(OutboxTransactionEndedError, () => query('insert'));
    expect(shared.statements).toEqual(['START']);
  });

  it('has one manager of its own, which goes with it when it begins a transaction of its own', async () => {
    const { joined, shared } = await join();
    const { manager } = joined;
    expect(manager.queryRunner).toBe(joined);
    expect(joined.manager).toBe(manager);
    Object.assign(joined, { manager: 'told by a constructor' });
    expect(shared.asRunner.manager).not.toBe('told by a constructor');
    await joined.startTransaction();
    expect(joined.manager).toBe(manager);
  });
});
