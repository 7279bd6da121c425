import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until `check` gives something other than false, null or undefined, and returns it. Fails after a deadline, with the last
 * error or with what was being waited for.
 */
export async function eventually<T>(
  waitingFor: string,
  check: () => Promise<T> | T,
  { seconds = 60, everyMs = 20 }: { seconds?: number; everyMs?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  do {
    try {
      const result = await check();
      if (result !== false && result !== null && result !== undefined) {
        return result as NonNullable<Exclude<T, false>>;
      }
      last = result;
    } catch (error) {
      last = error;
    }
    await sleep(everyMs);
  } while (performance.now() < deadline);
  throw new Error(`Waited ${seconds} s in vain for: ${waitingFor}`, { cause: last });
}
