import { setTimeout as sleep } from 'node:timers/promises';

/** Starts the work so often, whether or not earlier work has ended, as the world outside does. Waits for all of it. */
export async function atRate(perSecond: number, seconds: number, work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  const total = perSecond * seconds;
  const started: Promise<void>[] = [];
  while (started.length < total) {
    const due = began + (started.length * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) {
      await sleep(early);
    } else {
      started.push(work());
    }
  }
  await Promise.all(started);
}
