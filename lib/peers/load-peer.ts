/**
 * An optional package, or null where it is not installed.
 *
 * @param load requires it, by its name as it stands there, so that bundlers see it. Not by `import()`: that works in a CommonJS module of Node, but not
 * where Jest runs one, unless Node is told to by a flag. What can only be imported, Node 20.19 and newer require as well.
 */
export function loadPeer<T>(name: string, load: () => T): T | null {
  try {
    return load();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    // Only if the package itself is missing: one that lacks something of its own is broken, and says so.
    if (code === 'MODULE_NOT_FOUND' && String(message).includes(`'${name}'`)) {
      return null;
    }
    throw error;
  }
}
