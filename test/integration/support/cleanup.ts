type Cleanup = () => Promise<void>;

const open = new Set<Cleanup>();

/**
 * Remembers how to end something that a test has started, for the case that the test fails before it ends it. Returns the same, to be called once.
 */
export function endedAtLast(cleanup: Cleanup): Cleanup {
  const once: Cleanup = async () => {
    if (open.delete(once)) {
      await cleanup();
    }
  };
  open.add(once);
  return once;
}

// What was started last is ended first: applications before their databases.
afterAll(async () => {
  for (const cleanup of [...open].reverse()) {
    await cleanup();
  }
});
