import { OutboxSavepointOverlapError, OutboxTransactionEndedError } from '../../../../lib/errors/transaction.errors';
import type { FrameStackHost } from '../../../../lib/transaction/frame-stack';
import type { TransactionFrame } from '../../../../lib/transaction/transaction-frame';

/** A data source's part in its stacks of frames: `calling` is the frame that statements come from, hooks are called at once. */
export function aStackHost(): FrameStackHost & { calling: TransactionFrame | undefined } {
  return {
    calling: undefined,
    callingFrame() {
      return this.calling;
    },
    assertOpen: ({ outcome }) => {
      if (outcome !== undefined) {
        throw new OutboxTransactionEndedError('default', outcome);
      }
    },
    refuseOverlap: (what) => {
      throw new OutboxSavepointOverlapError('default', what);
    },
    outside(work) {
      const { calling } = this;
      this.calling = undefined;
      try {
        return work();
      } finally {
        this.calling = calling;
      }
    },
    callHooks: (hooks) => {
      for (const hook of hooks) {
        hook();
      }
    },
  };
}
