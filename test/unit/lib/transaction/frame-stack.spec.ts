import { FrameStack } from '../../../../lib/transaction/frame-stack';
import type { TransactionFrame } from '../../../../lib/transaction/transaction-frame';
import { FakeRunner } from '../support/fake-runner';

function watched(): { fake: FakeRunner; stack: FrameStack; top: () => TransactionFrame } {
  const fake = new FakeRunner();
  const stack = new FrameStack(fake.asRunner, (hooks) => {
    for (const hook of hooks) {
      hook();
    }
  });
  const top = (): TransactionFrame => {
    expect(stack.top).toBeDefined();
    return stack.top as TransactionFrame;
  };
  return { fake, stack, top };
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
    const { startTransaction, commitTransaction, rollbackTransaction, release } = new FakeRunner();
    expect({ startTransaction, commitTransaction, rollbackTransaction, release }).toEqual({
      startTransaction: FakeRunner.prototype.startTransaction,
      commitTransaction: FakeRunner.prototype.commitTransaction,
      rollbackTransaction: FakeRunner.prototype.rollbackTransaction,
      release: FakeRunner.prototype.release,
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
    const { fake } = watched();
    await fake.startTransaction('SERIALIZABLE');
    expect(fake.statements).toEqual(['START SERIALIZABLE']);
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
    expect(frame.outcome).toBeUndefined();
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
    const stack = new FrameStack(fake.asRunner, () => undefined);
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
