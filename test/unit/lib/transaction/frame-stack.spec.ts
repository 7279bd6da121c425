import {
  OutboxSavepointOverlapError,
  OutboxTransactionAbortedError,
  OutboxTransactionEndedError,
} from '../../../../lib/errors/transaction.errors';
import { FrameStack } from '../../../../lib/transaction/frame-stack';
import type { TransactionFrame } from '../../../../lib/transaction/transaction-frame';
import { aStackHost } from '../support/a-stack-host';
import { FakeRunner } from '../support/fake-runner';
import { thrown } from '../support/thrown';

interface Watched {
  readonly fake: FakeRunner;
  readonly host: ReturnType<typeof aStackHost>;
  readonly stack: FrameStack;
  readonly top: () => TransactionFrame;
}

function watched(): Watched {
  const fake = new FakeRunner();
  const host = aStackHost();
  const stack = new FrameStack(fake.asRunner, host);
  const top = (): TransactionFrame => {
    expect(stack.top).toBeDefined();
    return stack.top as TransactionFrame;
  };
  return { fake, host, stack, top };
}

/** Ends a unit of work that has failed as TypeORM's `manager.transaction` does. */
async function rollbackAsTypeOrm(fake: FakeRunner): Promise<void> {
  await fake.rollbackTransaction().catch(() => undefined);
}

describe('the frames of a runner', () => {
  it('are none before a transaction', () => {
    expect(watched().stack.top).toBeUndefined();
  });

  it('are watched on this runner only, never on its prototype', () => {
    const { fake } = watched();
    expect(Object.hasOwn(fake, 'startTransaction')).toBe(true);
    const { startTransaction, commitTransaction, rollbackTransaction, release, query } = new FakeRunner();
    expect({ startTransaction, commitTransaction, rollbackTransaction, release, query }).toEqual({
      startTransaction: FakeRunner.prototype.startTransaction,
      commitTransaction: FakeRunner.prototype.commitTransaction,
      rollbackTransaction: FakeRunner.prototype.rollbackTransaction,
      release: FakeRunner.prototype.release,
      query: FakeRunner.prototype.query,
    });
  });

  it('begin and end with the transaction', async () => {
    const { fake, stack, top } = watched();
    await fake.startTransaction();
    const frame = top();
    expect(frame).toMatchObject({ queryRunner: fake, enclosing: undefined, outcome: undefined });
    await fake.commitTransaction();
    expect(stack.top).toBeUndefined();
    expect(frame.outcome).toBe('committed');
  });

  it('follow one transaction after the other', async () => {
    const { fake, top } = watched();
    await fake.startTransaction();
    const first = top();
    await fake.rollbackTransaction();
    await fake.startTransaction();
    expect(top()).not.toBe(first);
    expect([first.outcome, top().outcome]).toEqual(['rolled back', undefined]);
  });

  it('nest as savepoints do', async () => {
    const { fake, stack, top } = watched();
    await fake.startTransaction();
    const outer = top();
    await fake.startTransaction();
    const inner = top();
    expect(inner.enclosing).toBe(outer);
    await fake.rollbackTransaction();
    expect([inner.outcome, outer.outcome]).toEqual(['rolled back', undefined]);
    expect(stack.top).toBe(outer);
    await fake.commitTransaction();
    expect([outer.outcome, stack.top]).toEqual(['committed', undefined]);
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'ROLLBACK TO 1', 'COMMIT']);
  });

  it('pass the isolation level on', async () => {
    const { fake, top } = watched();
    await fake.startTransaction('SERIALIZABLE');
    expect(fake.statements).toEqual(['START', 'SET SERIALIZABLE']);
    expect(top().isolation).toBe('SERIALIZABLE');
    await fake.startTransaction();
    expect(top().isolation).toBe('SERIALIZABLE');
  });

  it('begin none where the transaction cannot be started', async () => {
    const { fake, stack } = watched();
    fake.failing.add('START');
    await expect(fake.startTransaction()).rejects.toThrow('START failed');
    expect(stack.top).toBeUndefined();
  });
});

describe('a hook', () => {
  it('is called once, after the outermost commit', async () => {
    const { fake, top } = watched();
    const hook = jest.fn(() => expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'RELEASE 1', 'COMMIT']));
    await fake.startTransaction();
    top().onCommit(hook);
    await fake.startTransaction();
    top().onCommit(hook);
    await fake.commitTransaction();
    expect(hook).not.toHaveBeenCalled();
    await fake.commitTransaction();
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('of a savepoint is called with those of its transaction', async () => {
    const { fake, top } = watched();
    const called: string[] = [];
    await fake.startTransaction();
    top().onCommit(() => called.push('outer'));
    await fake.startTransaction();
    top().onCommit(() => called.push('inner'));
    await fake.commitTransaction();
    await fake.commitTransaction();
    expect(called).toEqual(['outer', 'inner']);
  });

  it('is not called again by the next transaction of the runner', async () => {
    const { fake, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    top().onCommit(hook);
    await fake.commitTransaction();
    await fake.startTransaction();
    await fake.commitTransaction();
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('is not called where the transaction is rolled back', async () => {
    const { fake, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    top().onCommit(hook);
    await fake.rollbackTransaction();
    await fake.startTransaction();
    await fake.commitTransaction();
    expect(hook).not.toHaveBeenCalled();
  });

  it('is not called where its savepoint is rolled back, while the others are', async () => {
    const { fake, top } = watched();
    const [outer, inner] = [jest.fn(), jest.fn()];
    await fake.startTransaction();
    top().onCommit(outer);
    await fake.startTransaction();
    top().onCommit(inner);
    await fake.rollbackTransaction();
    await fake.commitTransaction();
    expect([outer.mock.calls.length, inner.mock.calls.length]).toEqual([1, 0]);
  });

  it('is not called where the commit fails', async () => {
    const { fake, stack, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    const frame = top();
    frame.onCommit(hook);
    fake.failing.add('COMMIT');
    await expect(fake.commitTransaction()).rejects.toThrow('COMMIT failed');
    expect(frame.outcome).toBe('ending');
    await rollbackAsTypeOrm(fake);
    expect([frame.outcome, stack.top]).toEqual(['rolled back', undefined]);
    expect(hook).not.toHaveBeenCalled();
  });

  it('is called where a subscriber fails after COMMIT, which looks like a failed commit', async () => {
    const { fake, stack, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    const frame = top();
    frame.onCommit(hook);
    fake.failing.add('after commit');
    await expect(fake.commitTransaction()).rejects.toThrow('after commit failed');
    await rollbackAsTypeOrm(fake);
    expect([frame.outcome, stack.top]).toEqual(['committed', undefined]);
    expect(hook).toHaveBeenCalledTimes(1);
  });
});

describe('frames that are left open', () => {
  it('are rolled back at release', async () => {
    const { fake, stack, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    const outer = top();
    outer.onCommit(hook);
    await fake.startTransaction();
    const inner = top();
    await fake.release();
    expect([outer.outcome, inner.outcome, stack.top]).toEqual(['rolled back', 'rolled back', undefined]);
    expect(fake.isReleased).toBe(true);
    expect(hook).not.toHaveBeenCalled();
  });

  it('are rolled back also where the release fails', async () => {
    const fake = new FakeRunner();
    fake.release = () => Promise.reject(new Error('connection lost'));
    const stack = new FrameStack(fake.asRunner, aStackHost());
    await fake.startTransaction();
    await expect(fake.release()).rejects.toThrow('connection lost');
    expect(stack.top).toBeUndefined();
  });

  it('end where the rollback fails: the connection is gone, and the transaction with it', async () => {
    const { fake, stack, top } = watched();
    await fake.startTransaction();
    const frame = top();
    fake.failing.add('ROLLBACK');
    await expect(fake.rollbackTransaction()).rejects.toThrow('ROLLBACK failed');
    expect([frame.outcome, stack.top]).toEqual(['rolled back', undefined]);
  });

  it('are not invented by a rollback without a transaction', async () => {
    const { fake, stack } = watched();
    await expect(fake.rollbackTransaction()).rejects.toThrow('no transaction is active');
    expect(stack.top).toBeUndefined();
  });
});

describe('a savepoint', () => {
  it('that cannot be set costs the transaction, since TypeORM then rolls all of it back', async () => {
    const { fake, stack, top } = watched();
    await fake.startTransaction();
    const outer = top();
    fake.failing.add('SAVEPOINT');
    await expect(fake.startTransaction()).rejects.toThrow('SAVEPOINT failed');
    await rollbackAsTypeOrm(fake);
    expect(fake.statements).toEqual(['START', 'ROLLBACK']);
    expect([outer.outcome, stack.top]).toEqual(['rolled back', undefined]);
  });

  it('that a subscriber refuses after it was set leaves the transaction open', async () => {
    const { fake, stack, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    const outer = top();
    outer.onCommit(hook);
    fake.failing.add('after start');
    await expect(fake.startTransaction()).rejects.toThrow('after start failed');
    await rollbackAsTypeOrm(fake);
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'ROLLBACK TO 1']);
    expect([outer.outcome, stack.top]).toEqual([undefined, outer]);
    await fake.commitTransaction();
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('after whose release a subscriber fails costs the transaction, since TypeORM then rolls all of it back', async () => {
    const { fake, stack, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    const outer = top();
    outer.onCommit(hook);
    await fake.startTransaction();
    fake.failing.add('after commit');
    await expect(fake.commitTransaction()).rejects.toThrow('after commit failed');
    await rollbackAsTypeOrm(fake);
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'RELEASE 1', 'ROLLBACK']);
    expect([outer.outcome, stack.top]).toEqual(['rolled back', undefined]);
    expect(hook).not.toHaveBeenCalled();
  });
});

describe('a savepoint of an entity manager', () => {
  const setByManager = (fake: FakeRunner, stack: FrameStack): Promise<void> =>
    stack.enter(() => fake.startTransaction());

  it('that cannot be set costs nothing: the rollback that TypeORM then asks for would hit the transaction', async () => {
    const { fake, stack, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    const outer = top();
    outer.onCommit(hook);
    fake.failing.add('SAVEPOINT');
    await expect(setByManager(fake, stack)).rejects.toThrow('SAVEPOINT failed');
    await rollbackAsTypeOrm(fake);
    expect([outer.outcome, stack.top]).toEqual([undefined, outer]);
    await fake.commitTransaction();
    expect(fake.statements).toEqual(['START', 'COMMIT']);
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('after whose release a subscriber fails stays, as a commit would', async () => {
    const { fake, stack, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    const outer = top();
    await setByManager(fake, stack);
    top().onCommit(hook);
    fake.failing.add('after commit');
    await expect(fake.commitTransaction()).rejects.toThrow('after commit failed');
    await rollbackAsTypeOrm(fake);
    expect([outer.outcome, stack.top]).toEqual([undefined, outer]);
    await fake.commitTransaction();
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'RELEASE 1', 'COMMIT']);
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('that a subscriber refuses before it is set leaves the transaction active', async () => {
    const { fake, stack } = watched();
    await fake.startTransaction();
    fake.failing.add('before start');
    await expect(setByManager(fake, stack)).rejects.toThrow('before start failed');
    await rollbackAsTypeOrm(fake);
    expect(fake.isTransactionActive).toBe(true);
    await fake.commitTransaction();
    expect(fake.statements).toEqual(['START', 'COMMIT']);
  });

  it('whose rollback a subscriber prevents is not committed: the transaction is rolled back', async () => {
    const { fake, stack, top } = watched();
    await fake.startTransaction();
    const outer = top();
    await setByManager(fake, stack);
    fake.failing.add('before rollback');
    await expect(fake.rollbackTransaction()).rejects.toThrow('before rollback failed');
    await thrown(OutboxSavepointOverlapError, () => fake.commitTransaction());
    await rollbackAsTypeOrm(fake);
    await fake.release();
    expect(fake.statements.slice(0, 2)).toEqual(['START', 'SAVEPOINT 1']);
    expect(fake.statements).not.toContain('RELEASE 1');
    expect(fake.statements.at(-1)).toBe('ROLLBACK');
    expect(outer.outcome).toBe('rolled back');
  });

  it('is closed to the code around it while it is open, and while it is being set', async () => {
    const { fake, host, stack, top } = watched();
    await fake.startTransaction();
    const outer = top();
    const setting = setByManager(fake, stack);
    host.calling = outer;
    await thrown(OutboxSavepointOverlapError, () => fake.query('while it is being set'));
    await setting;
    await thrown(OutboxSavepointOverlapError, () => fake.query('while it is open'));
    host.calling = top();
    await fake.query('inside');
    await fake.commitTransaction();
    host.calling = outer;
    await fake.query('afterwards');
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'inside', 'RELEASE 1', 'afterwards']);
  });

  it('that was set by hand is open to the code around it, which has set it', async () => {
    const { fake, host, top } = watched();
    await fake.startTransaction();
    host.calling = top();
    await fake.startTransaction();
    await fake.query('inside');
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'inside']);
  });
});

describe('the end of the code of a frame', () => {
  it('is right where the frame is the innermost one, and open', async () => {
    const { fake, stack, top } = watched();
    await fake.startTransaction();
    expect(() => stack.assertInnermost(top())).not.toThrow();
  });

  it('is too early where a savepoint in it is open', async () => {
    const { fake, stack, top } = watched();
    await fake.startTransaction();
    const outer = top();
    await fake.startTransaction();
    expect(() => stack.assertInnermost(outer)).toThrow(OutboxSavepointOverlapError);
  });

  it('is too late where it was ended by hand: to end it again would end the one around it', async () => {
    const { fake, stack, top } = watched();
    await fake.startTransaction();
    await fake.startTransaction();
    const inner = top();
    await fake.rollbackTransaction();
    expect(() => stack.assertInnermost(inner)).toThrow(OutboxTransactionEndedError);
  });
});

describe('a runner that is released in the middle of a transaction', () => {
  it('rolls it back first, so that it does not go to the next user of the connection', async () => {
    const { fake } = watched();
    await fake.startTransaction();
    await fake.startTransaction();
    await fake.release();
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'ROLLBACK']);
    expect(fake.isReleased).toBe(true);
  });

  it('is released also where that fails', async () => {
    const { fake } = watched();
    await fake.startTransaction();
    fake.failing.add('ROLLBACK');
    await fake.release();
    expect(fake.isReleased).toBe(true);
  });

  it('is released after a second where that has no answer, and its connection is closed', async () => {
    jest.useFakeTimers();
    try {
      const { fake } = watched();
      const close = jest.spyOn(fake, 'releasePostgresConnection');
      await fake.startTransaction();
      fake.answers.set('ROLLBACK', new Promise(() => undefined));
      const released = fake.release();
      await jest.advanceTimersByTimeAsync(999);
      expect(close).not.toHaveBeenCalled();
      await jest.advanceTimersByTimeAsync(1);
      await released;
      expect(close.mock.calls).toEqual([[new Error('no answer to ROLLBACK within 1 s')]]);
      expect(fake.isReleased).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });

  it('runs no statement where there is none', async () => {
    const { fake } = watched();
    await fake.startTransaction();
    await fake.commitTransaction();
    await fake.release();
    expect(fake.statements).toEqual(['START', 'COMMIT']);
  });
});

describe('a frame whose end is on its way', () => {
  /** What the frames say of their outcomes while the statement runs. */
  function outcomesAt(fake: FakeRunner, statement: RegExp, ...frames: TransactionFrame[]): (string | undefined)[] {
    const seen: (string | undefined)[] = [];
    const broadcast = fake.broadcaster.broadcastAfterQueryEvent.bind(fake.broadcaster);
    fake.broadcaster.broadcastAfterQueryEvent = (...event) => {
      if (statement.test(String(event[1]))) {
        seen.push(...frames.map(({ outcome }) => outcome));
      }
      broadcast(...event);
    };
    return seen;
  }

  it.each([
    ['COMMIT', /^COMMIT$/, (fake: FakeRunner) => fake.commitTransaction()],
    ['ROLLBACK', /^ROLLBACK$/, (fake: FakeRunner) => fake.rollbackTransaction()],
  ])('is ending from the moment that %s is sent', async (_what, statement, end) => {
    const { fake, top } = watched();
    await fake.startTransaction();
    const frame = top();
    const seen = outcomesAt(fake, statement, frame);
    expect(frame.outcome).toBeUndefined();
    await end(fake);
    expect(seen).toEqual(['ending']);
  });

  it('is ending with its savepoint, while the transaction is open', async () => {
    const { fake, top } = watched();
    await fake.startTransaction();
    const outer = top();
    await fake.startTransaction();
    const inner = top();
    const seen = outcomesAt(fake, /^RELEASE/, inner, outer);
    await fake.commitTransaction();
    expect(seen).toEqual(['ending', undefined]);
    expect([inner.outcome, outer.outcome]).toEqual(['committed', undefined]);
  });

  it('refuses the statements of its code', async () => {
    const { fake, host, top } = watched();
    await fake.startTransaction();
    host.calling = top();
    const end = fake.rollbackTransaction();
    const error = await thrown(OutboxTransactionEndedError, () => fake.query('late'));
    expect(error.message).toContain('is just being ended');
    await end;
    expect(fake.statements).toEqual(['START', 'ROLLBACK']);
  });
});

describe('statements of a runner', () => {
  it('are refused to code whose savepoint is over, and not to the code around it', async () => {
    const { fake, host, top } = watched();
    await fake.startTransaction();
    const outer = top();
    await fake.startTransaction();
    const inner = top();
    await fake.rollbackTransaction();
    host.calling = inner;
    await thrown(OutboxTransactionEndedError, () => fake.query('late'));
    host.calling = outer;
    await fake.query('in time');
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'ROLLBACK TO 1', 'in time']);
  });

  it('are not refused to code of another runner', async () => {
    const { fake, host } = watched();
    const other = watched();
    await other.fake.startTransaction();
    host.calling = other.top();
    await other.fake.commitTransaction();
    await expect(fake.query('elsewhere')).resolves.toBeDefined();
  });

  it('are refused after its one transaction where it serves no other, whoever asks', async () => {
    const { fake, stack } = watched();
    await fake.startTransaction();
    stack.managed();
    await fake.query('in time');
    await fake.rollbackTransaction();
    await thrown(OutboxTransactionEndedError, () => fake.query('late'));
    await thrown(OutboxTransactionEndedError, () => fake.startTransaction());
    expect(fake.statements).toEqual(['START', 'in time', 'ROLLBACK']);
  });

  it('go on after a savepoint of it, also from code of which nothing is known', async () => {
    const { fake, stack } = watched();
    await fake.startTransaction();
    stack.managed();
    await fake.startTransaction();
    await fake.commitTransaction();
    await fake.query('in time');
    expect(fake.statements).toEqual(['START', 'SAVEPOINT 1', 'RELEASE 1', 'in time']);
  });

  it('go on after its transaction where it was made by hand', async () => {
    const { fake } = watched();
    await fake.startTransaction();
    await fake.commitTransaction();
    await fake.query('between');
    await fake.startTransaction();
    expect(fake.statements).toEqual(['START', 'COMMIT', 'between', 'START']);
  });
});

describe('a COMMIT that the database answers with ROLLBACK', () => {
  it('is a rollback: hooks, frame and error say so', async () => {
    const { fake, stack, top } = watched();
    const [committed, rolledBack] = [jest.fn(), jest.fn()];
    await fake.startTransaction();
    const frame = top();
    frame.onCommit(committed);
    frame.onRollback(rolledBack);
    fake.aborted = true;
    await thrown(OutboxTransactionAbortedError, () => fake.commitTransaction());
    await rollbackAsTypeOrm(fake);
    expect([frame.outcome, stack.top]).toEqual(['rolled back', undefined]);
    expect([committed.mock.calls.length, rolledBack.mock.calls.length]).toEqual([0, 1]);
  });
});

describe('a hook for the rollback', () => {
  it('is called once, after ROLLBACK', async () => {
    const { fake, top } = watched();
    const hook = jest.fn(() => expect(fake.statements).toEqual(['START', 'ROLLBACK']));
    await fake.startTransaction();
    top().onRollback(hook);
    top().onRollback(hook);
    await fake.rollbackTransaction();
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('of a savepoint is called when that is rolled back, and not again', async () => {
    const { fake, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    await fake.startTransaction();
    top().onRollback(hook);
    await fake.rollbackTransaction();
    expect(hook).toHaveBeenCalledTimes(1);
    await fake.rollbackTransaction();
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('of a savepoint that was released is called when the transaction is rolled back', async () => {
    const { fake, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    await fake.startTransaction();
    top().onRollback(hook);
    await fake.commitTransaction();
    expect(hook).not.toHaveBeenCalled();
    await fake.rollbackTransaction();
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('is not called where the transaction commits', async () => {
    const { fake, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    top().onRollback(hook);
    await fake.commitTransaction();
    await fake.release();
    expect(hook).not.toHaveBeenCalled();
  });

  it('is called where the runner is released in the middle', async () => {
    const { fake, top } = watched();
    const hook = jest.fn();
    await fake.startTransaction();
    top().onRollback(hook);
    await fake.release();
    expect(hook).toHaveBeenCalledTimes(1);
  });
});
