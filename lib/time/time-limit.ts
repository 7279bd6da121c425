/** Waits for the work, but not longer than that; then it ends as `instead` does, and whatever becomes of the work is nobody's concern. */
export async function withTimeLimit<T, U>(milliseconds: number, work: Promise<T>, instead: () => U): Promise<T | U> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  }).then(instead);
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
