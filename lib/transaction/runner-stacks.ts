import type { QueryRunner } from 'typeorm';
import { FrameStack, type FrameStackHost } from './frame-stack';
import { realRunner } from './joined-query-runner';

/**
 * The stack of each runner of a data source, kept on the runner itself.
 *
 * Not in a WeakMap: a minor collection of V8 takes its values for reachable, whatever became of the keys (`VisitEphemeronHashTable` in V8's
 * scavenger.cc), and a stack knows its runner. So each runner, and there is one for each statement, lived on until the next major collection: of
 * each transaction 4.7 KB grew old, where 1.1 to 1.9 do so now, and 0.7 without the outbox.
 */
export class RunnerStacks {
  private readonly key = Symbol('nestjs-outboxed.frame-stack');

  /** None for a runner of another data source, or a joined one, which is not the transaction's own. */
  get(runner: QueryRunner): FrameStack | undefined {
    return realRunner(runner) === runner ? (runner as WithStack)[this.key] : undefined;
  }

  /** Watches a runner from now on; once, as a data source may give out one and the same again and again, for a test that is rolled back. */
  watch(runner: QueryRunner, host: FrameStackHost): void {
    if (this.get(runner) === undefined) {
      Object.defineProperty(runner, this.key, { value: new FrameStack(runner, host) });
    }
  }
}

type WithStack = QueryRunner & Readonly<Record<symbol, FrameStack | undefined>>;
