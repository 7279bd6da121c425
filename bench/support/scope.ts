type End = () => Promise<unknown>;

/** What a measure has started, to be ended in reverse order when it is over, however it ends. */
export class Scope {
  readonly #ends: End[] = [];
  #over = false;

  onEnd(end: End): void {
    if (this.#over) {
      // Started while the end was under way, as after Ctrl-C.
      void quietly(end);
    } else {
      this.#ends.push(end);
    }
  }

  /** Calling it again is harmless. */
  async end(): Promise<void> {
    this.#over = true;
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) {
      await quietly(end);
    }
  }
}

/** The rest must be ended all the same. */
async function quietly(end: End): Promise<void> {
  try {
    await end();
  } catch (error) {
    process.stderr.write(`[bench] ending: ${String(error)}\n`);
  }
}

/** Does a part of a measure's work and ends at once what that has started. */
export async function inOwnScope<B extends { readonly scope: Scope }, T>(
  bench: B,
  work: (own: B) => Promise<T>,
): Promise<T> {
  const scope = new Scope();
  bench.scope.onEnd(() => scope.end());
  try {
    return await work({ ...bench, scope });
  } finally {
    await scope.end();
  }
}
