import type { Log } from '../log';

export interface StartOptions {
  /** Takes one line for each step; standard error if not given. */
  readonly log?: Log;
  /** A part of one's own, to break: never the one DATABASE_URL or KAFKA_BROKERS names. */
  readonly own?: boolean;
}
