/** A clock that a test sets. */
export class ManualClock {
  now = 1_000_000;

  readonly read = (): number => this.now;

  advance(milliseconds: number): void {
    this.now += milliseconds;
  }
}
