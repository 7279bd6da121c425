import type { LaneLeases } from './lane-leases';
import { fromPayload } from './wake-up';

/** Does what other processes suggest. */
export class WakeUpReceiver {
  private keeping = false;
  private again = false;

  constructor(
    private readonly leases: Pick<LaneLeases, 'keep' | 'laneBits'>,
    private readonly owner: string,
    private readonly wake: () => void,
  ) {}

  receive(payload: string): void {
    const wakeUp = fromPayload(payload);
    if (wakeUp?.kind === 'events' && (wakeUp.lanes & this.leases.laneBits) !== 0n) {
      this.wake();
    }
    if (wakeUp?.kind === 'shares' && wakeUp.from !== this.owner) {
      void this.keep();
    }
  }

  /** Many may tell at the same time: one look after the last of them is enough. */
  private async keep(): Promise<void> {
    this.again = true;
    if (this.keeping) {
      return;
    }
    this.keeping = true;
    while (this.again) {
      this.again = false;
      // A failure is reported by the loop, which meets the same database.
      await this.leases.keep().catch(() => undefined);
    }
    this.keeping = false;
    this.wake();
  }
}
