import type { FaultSpan } from './history';

/**
 * A delivery is repeated because it could not be recorded, and it is recorded within moments. So a fault explains a repetition only if the delivery before
 * it lies close to the fault.
 */
export const RECORDED_WITHIN_MS = 5000;

/** After a fault its victims need some time to go on as before, in which a delivery can again be cut off from its being recorded. */
export const AFTERMATH_MS = 5000;

export interface Repetition {
  /** The delivery before, and the one again. */
  readonly before: number;
  readonly again: number;
}

/**
 * Whether a fault explains that an event was delivered again.
 *
 * @param takeoverMs how long after a fault somebody else may repeat what was not recorded: until leases have lapsed
 */
export function isExplained({ before, again }: Repetition, faults: readonly FaultSpan[], takeoverMs: number): boolean {
  return faults.some(
    ({ from, to, repeats }) =>
      repeats &&
      before >= from - RECORDED_WITHIN_MS &&
      before <= to + AFTERMATH_MS &&
      again >= from &&
      again <= to + takeoverMs,
  );
}
