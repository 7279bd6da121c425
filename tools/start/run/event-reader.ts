import type { ConsumedEvent } from './tally';

/** A consumer of the run's events. */
export interface EventReader {
  /** Everything that was consumed until now, in the order in which it came; redeliveries included. */
  read(): Promise<readonly ConsumedEvent[]>;
  /** Why it cannot consume at the moment, if so. */
  readonly trouble: string | undefined;
  close(): Promise<void>;
}
