import { setTimeout as sleep } from 'node:timers/promises';
import { PartsError } from './errors';
import type { Log } from './log';

/** Waits for the promise, but no longer than the limit. The timer also keeps Node alive while it waits. */
export async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = deferred<never>();
  const timer = setTimeout(() => reject(new PartsError(`${what} took longer than ${limitMs / 1000} s`)), limitMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Says how far the work is, every few seconds until it ends. */
export async function withProgress<T>(
  log: Log,
  progress: (seconds: number) => Promise<string>,
  work: Promise<T>,
  everyMs = 3000,
): Promise<T> {
  const begin = Date.now();
  const over = new AbortController();
  const saying = (async (): Promise<void> => {
    for (;;) {
      await sleep(everyMs, undefined, { signal: over.signal });
      log(await progress(Math.round((Date.now() - begin) / 1000)));
    }
  })();
  // It ends by the abort below, and a progress line that cannot be made is not worth failing for.
  saying.catch(() => undefined);
  try {
    return await work;
  } finally {
    over.abort();
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
  if (!settle) throw new Error('unreachable: a promise runs its executor at once');
  return { promise, ...settle };
}
