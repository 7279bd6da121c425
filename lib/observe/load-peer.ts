const NOT_FOUND = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'];

/** The package, or null where it is not installed. */
export async function loadPeer<T>(name: string, load: () => Promise<T>): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    // Only if the package itself is missing: one that lacks something of its own is broken, and says so.
    if (typeof code === 'string' && NOT_FOUND.includes(code) && String(message).includes(`'${name}'`)) {
      return null;
    }
    throw error;
  }
}
