/** What became of events. */
export interface DeliveryCounts {
  /** Acknowledged by the broker, and settled. */
  published: number;
  /** Refused, to be tried again. */
  retried: number;
  /** Refused too often: now dead letters. */
  dead: number;
}

/** How a delivery has ended: nothing is left to do now, or something may be, or the broker is away (and why). */
export interface DeliveryResult extends DeliveryCounts {
  readonly ended: 'idle' | 'interrupted' | { readonly unavailable: string };
}

/** How long a delivery goes on. */
export interface DeliveryLimits {
  /** Asked before each batch. */
  mayGoOn(): boolean;
  /** Most events to take up. */
  readonly events: number;
  /** Whether a wake-up has come since it was last asked. Without it nobody tells of what is committed meanwhile. */
  readonly takeWakeUp?: () => boolean;
}
