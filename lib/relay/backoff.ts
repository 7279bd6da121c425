/** A number from 0 (inclusive) to 1 (exclusive), such as Math.random gives. */
export type Random = () => number;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
const LONGEST_RETRY_SECONDS = 3600;

/**
 * How long to leave an unreachable broker or database alone: exponential with full jitter, so that many relays do not come back in
 * step (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 *
 * @param failures failures in a row, from 1
 */
export function pauseMs(failures: number, random: Random): number {
  return random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 30));
}

/**
 * How long an event waits that the broker refused. At least half of the nominal time, as "30 seconds" shall not become none.
 *
 * @param attempts refusals so far, from 1
 */
export function retryInSeconds(attempts: number, intervalSeconds: number, random: Random): number {
  const nominal = Math.min(
    Math.max(LONGEST_RETRY_SECONDS, intervalSeconds),
    intervalSeconds * 2 ** Math.min(attempts - 1, 30),
  );
  return nominal * (0.5 + random() / 2);
}
