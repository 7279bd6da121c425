/** Events on their way, by id, and how long those took that have arrived. */
export class Arrivals {
  private readonly underWay = new Map<string, number>();
  private milliseconds: number[] = [];
  private allArrived: (() => void) | undefined;

  sent(id: string): void {
    this.underWay.set(id, performance.now());
  }

  /** A redelivery does not count. */
  arrived(id: string): void {
    const now = performance.now();
    const sent = this.underWay.get(id);
    if (sent !== undefined) {
      this.milliseconds.push(now - sent);
      this.underWay.delete(id);
      if (this.underWay.size === 0) {
        this.allArrived?.();
      }
    }
  }

  async allWithin(limitMs: number): Promise<void> {
    if (this.underWay.size === 0) {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(
        () => reject(new Error(`${String(this.underWay.size)} events have not arrived within ${String(limitMs)} ms`)),
        limitMs,
      );
      this.allArrived = (): void => {
        clearTimeout(limit);
        resolve();
      };
    });
    this.allArrived = undefined;
  }

  /** What was measured since the last time. */
  take(): number[] {
    const taken = this.milliseconds;
    this.milliseconds = [];
    return taken;
  }
}
