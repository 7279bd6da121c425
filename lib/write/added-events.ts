import type { ActivitySink } from '../interfaces/outbox-activity';
import type { TransactionFrame } from '../transaction/transaction-frame';

/**
 * Tells of events once the transaction has committed that added them. Counted for each savepoint apart, so that those of one that was rolled
 * back are never told of.
 */
export class AddedEvents {
  private readonly byFrame = new WeakMap<TransactionFrame, Map<string, number>>();

  constructor(private readonly tell: ActivitySink) {}

  note(frame: TransactionFrame, events: readonly { readonly eventType: string }[]): void {
    let counts = this.byFrame.get(frame);
    if (counts === undefined) {
      const first = new Map<string, number>();
      this.byFrame.set(frame, first);
      frame.onCommit(() => {
        this.tell({ type: 'added', counts: [...first].map(([eventType, count]) => ({ eventType, count })) });
      });
      counts = first;
    }
    for (const { eventType } of events) {
      counts.set(eventType, (counts.get(eventType) ?? 0) + 1);
    }
  }
}
