/** What was started, to be ended in reverse order, once; and the wish of the person at the terminal to end. */
export class Lifecycle {
  readonly #ends: (() => Promise<void>)[] = [];
  readonly #interruption = new AbortController();

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#interrupt());
    this.#watchNpm();
  }

  /** Aborted when it is time to end. */
  get interrupted(): AbortSignal {
    return this.#interruption.signal;
  }

  onEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) {
      await end().catch((error: unknown) => process.stderr.write(`[start] ${String(error)}\n`));
    }
  }

  /** The second Ctrl-C is for the impatient: whatever was started notices that this process is gone, and ends. */
  #interrupt(): void {
    if (this.interrupted.aborted) process.exit(130);
    this.#interruption.abort();
  }

  /** After a kill -9 of npm nobody else says that it is time to end. */
  #watchNpm(): void {
    const npm = process.ppid;
    if (process.env['npm_lifecycle_event'] === undefined) return;
    setInterval(() => process.ppid !== npm && !this.interrupted.aborted && this.#interrupt(), 1000).unref();
  }
}
