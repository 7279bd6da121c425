/** Knows what has begun and not ended. */
export class InFlight {
  private readonly open = new Set<Promise<void>>();

  /** Counts something as in flight until the returned function is called. */
  begin(): () => void {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.open.add(ended);
    return () => {
      this.open.delete(ended);
      end();
    };
  }

  /** Waits until everything has ended that is in flight now; what begins later is not waited for. */
  async settled(): Promise<void> {
    await Promise.all(this.open);
  }
}
