/** What the leases need of the rest of the relay. */
export interface LeaseHooks {
  /**
   * Called when other lanes are owned, in the same turn: whoever looks for what waits has looked in the lanes of before, or looks in those of now.
   */
  onChange(): void;
  /** Called after that with those that were owned, and are not any more, or only anew; but not for those that were given back. */
  onLost(lanes: readonly number[]): void;
  /** Called after that with the new ones among them. */
  onTaken(lanes: readonly number[]): void;
  /** Lanes were given back. */
  onReleased(lanes: readonly number[]): void;
  /** Resolves when all that was fetched before now is settled. */
  inFlight(): Promise<void>;
  /** There are lanes to be taken, or to be given back, by other relays. Never fails. */
  tellOthers(): Promise<void>;
  /** Number of the session lock that is held as a sign of life; null if none is. */
  lifeLock(): number | null;
  /** Whether the relay cannot go on for now: nothing is renewed then, so that others take over. */
  isStuck(): boolean;
}
