import { TransactionFrame } from '../../../../lib/transaction/transaction-frame';
import { FakeRunner } from '../support/fake-runner';

describe('the frame of a transaction', () => {
  const runner = new FakeRunner().asRunner;
  const aFrame = (enclosing?: TransactionFrame): TransactionFrame => new TransactionFrame(runner, enclosing, undefined);

  it('is open until it ends', () => {
    expect(aFrame().outcome).toBeUndefined();
  });

  it('knows how it ended', () => {
    const [committed, rolledBack] = [aFrame(), aFrame()];
    committed.commit();
    rolledBack.rollback();
    expect([committed.outcome, rolledBack.outcome]).toEqual(['committed', 'rolled back']);
  });

  it('is ending from the moment that its end is on its way, until it has ended', () => {
    const [committed, rolledBack] = [aFrame(), aFrame()];
    for (const frame of [committed, rolledBack]) {
      frame.end();
      expect(frame.outcome).toBe('ending');
    }
    committed.commit();
    rolledBack.rollback();
    expect([committed.outcome, rolledBack.outcome]).toEqual(['committed', 'rolled back']);
  });

  it('stays as it has ended', () => {
    const frame = aFrame();
    frame.commit();
    frame.end();
    expect(frame.outcome).toBe('committed');
  });

  it('gives out its hooks for the rollback at its rollback, in their order, each once', () => {
    const frame = aFrame();
    const [first, second] = [jest.fn(), jest.fn()];
    frame.onRollback(first);
    frame.onRollback(second);
    frame.onRollback(first);
    frame.onCommit(jest.fn());
    expect([...frame.rollback()]).toEqual([first, second]);
  });

  it('knows its isolation level, if it was asked for one, and so do its savepoints', () => {
    const outer = new TransactionFrame(runner, undefined, 'SERIALIZABLE');
    expect([outer.isolation, aFrame(outer).isolation, aFrame().isolation]).toEqual([
      'SERIALIZABLE',
      'SERIALIZABLE',
      undefined,
    ]);
  });

  it('knows whether keys are locked, also by a savepoint, and after that was rolled back', () => {
    const outer = aFrame();
    const inner = aFrame(aFrame(outer));
    expect([outer.holdsKeys, inner.holdsKeys]).toEqual([false, false]);
    inner.keysLocked();
    inner.rollback();
    expect([outer.holdsKeys, inner.holdsKeys, inner.transaction]).toEqual([true, true, outer]);
  });

  it('gives out its hooks at its commit, in their order, each once', () => {
    const frame = aFrame();
    const [first, second] = [jest.fn(), jest.fn()];
    frame.onCommit(first);
    frame.onCommit(second);
    frame.onCommit(first);
    expect([...frame.commit()]).toEqual([first, second]);
    expect(first).not.toHaveBeenCalled();
  });

  describe('of a savepoint', () => {
    it('hands its hooks to the frame around it', () => {
      const outer = aFrame();
      const inner = aFrame(outer);
      const [outerHook, innerHook, shared] = [jest.fn(), jest.fn(), jest.fn()];
      outer.onCommit(outerHook);
      outer.onCommit(shared);
      inner.onCommit(shared);
      inner.onCommit(innerHook);
      expect([...inner.commit()]).toEqual([]);
      expect([...outer.commit()]).toEqual([outerHook, shared, innerHook]);
    });

    it('hands them from frame to frame', () => {
      const outer = aFrame();
      const middle = aFrame(outer);
      const inner = aFrame(middle);
      const hook = jest.fn();
      inner.onCommit(hook);
      inner.commit();
      middle.commit();
      expect([...outer.commit()]).toEqual([hook]);
    });

    it('keeps its hooks to itself where it is rolled back', () => {
      const outer = aFrame();
      const inner = aFrame(outer);
      inner.onCommit(jest.fn());
      inner.rollback();
      expect([...outer.commit()]).toEqual([]);
    });

    it('loses what an inner one has handed to it where it is rolled back', () => {
      const outer = aFrame();
      const middle = aFrame(outer);
      const inner = aFrame(middle);
      inner.onCommit(jest.fn());
      inner.commit();
      middle.rollback();
      expect([...outer.commit()]).toEqual([]);
    });

    it('hands its hooks for the rollback to the frame around it', () => {
      const outer = aFrame();
      const inner = aFrame(outer);
      const [outerHook, innerHook] = [jest.fn(), jest.fn()];
      outer.onRollback(outerHook);
      inner.onRollback(innerHook);
      inner.commit();
      expect([...outer.rollback()]).toEqual([outerHook, innerHook]);
    });

    it('gives its hooks for the rollback out itself where it is rolled back', () => {
      const outer = aFrame();
      const inner = aFrame(outer);
      const hook = jest.fn();
      inner.onRollback(hook);
      expect([...inner.rollback()]).toEqual([hook]);
      expect([...outer.rollback()]).toEqual([]);
    });

    it('is ending while its transaction is', () => {
      const outer = aFrame();
      const inner = aFrame(outer);
      outer.end();
      expect(inner.outcome).toBe('ending');
    });

    it('ends with its transaction at the latest', () => {
      const outer = aFrame();
      const inner = aFrame(outer);
      expect(inner.outcome).toBeUndefined();
      outer.rollback();
      expect(inner.outcome).toBe('rolled back');
    });

    it('keeps an end of its own', () => {
      const outer = aFrame();
      const inner = aFrame(outer);
      inner.rollback();
      expect([inner.outcome, outer.outcome]).toEqual(['rolled back', undefined]);
      outer.commit();
      expect(inner.outcome).toBe('rolled back');
    });
  });
});
