/**
 * Waits for the work, but not longer than that; then it ends as `instead` does, and whatever becomes of the work is nobody's concern.
 *
 * @param isIdle whether the process may end meanwhile, if nothing else keeps it
 */
export async function withTimeLimit<T, U>(
  milliseconds: number,
  work: Promise<T>,
  instead: () => U,
  isIdle = false,
): Promise<T | U> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
    if (isIdle) {
      timer.unref();
    }
  }).then(instead);
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
