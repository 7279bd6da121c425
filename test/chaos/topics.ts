/** Where the events go. */
export const TOPICS = ['chaos-a', 'chaos-b'] as const;
export const PARTITIONS = 6;

/** Nobody creates it: events for it are refused for ever. */
export const UNKNOWN_TOPIC = 'chaos-unknown';

/** More than the broker takes. */
export const TOO_LARGE_BYTES = 1_300_000;
export const MAX_EVENT_BYTES = 2_000_000;

/** What a broker takes at most unless it is told otherwise. */
export const USUAL_LIMIT_BYTES = 1_048_588;

/** For a while the broker takes nothing above this, and a few events are larger. */
export const SMALL_LIMIT_BYTES = 20_000;
export const LARGE_BYTES = 30_000;
