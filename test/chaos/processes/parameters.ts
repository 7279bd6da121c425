/** What each process of the run is told, as JSON in its first argument. */
export interface ProcessParameters {
  /** Of its own, also after a restart. */
  readonly name: string;
  readonly index: number;
  /** How often it was started before. */
  readonly incarnation: number;
  readonly seed: number;
  /** Through the proxy. */
  readonly databaseUrl: string;
  readonly kafkaPort: number;
  /** Where the journals are. */
  readonly folder: string;
  /** Of all writers together. */
  readonly eventsPerSecond: number;
}

export function parameters(): ProcessParameters {
  return JSON.parse(process.argv[2] ?? '{}') as ProcessParameters;
}

export const WRITERS = 2;
export const CLIENTS_PER_WRITER = 5;
export const RELAYS = 3;
export const CONSUMERS = 2;

/** The shortest that is allowed, so that a frozen relay is replaced soon. */
export const LEASE_SECONDS = 19;

export const CONSUMER_GROUP = 'chaos';

/** After which a consumer that is not heard of is taken for dead. */
export const SESSION_SECONDS = 6;

/** Lets a consumer handle again what it has handled. A process that does not listen yet ignores this signal. */
export const GO_BACK = 'SIGWINCH';
