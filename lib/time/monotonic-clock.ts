/** Milliseconds that never jump: for deadlines, not for dates. */
export type MonotonicClock = () => number;

export const monotonicClock: MonotonicClock = () => performance.now();
