/** An event in the stream of activities. Never its payload or its headers. */
export interface ActivityEvent {
  readonly id: string;
  readonly eventType: string;
  readonly topic: string;
  /** The ordering key. */
  readonly key: string;
}

/** How many events of a type. */
export interface EventTypeCount {
  readonly eventType: string;
  readonly count: number;
}

/** What a relay can fail at: the broker, the database, its lease of lanes, or the deletion of what was kept long enough. */
export type OutboxErrorType = 'publisher_unavailable' | 'publisher_hangs' | 'database' | 'lease_lost' | 'upkeep';

/** Why nothing is delivered although something is due, as far as is known. */
export type SilenceReason =
  /** No living relay owns the lanes of the events. */
  | 'no_lane_owner'
  | 'publisher_unavailable'
  | 'publisher_hangs'
  | 'database'
  /** All that is due waits behind events that were refused, or behind dead letters that hold their key. */
  | 'keys_held'
  /** The lanes were lost to another relay, and not regained. */
  | 'lease_lost'
  | 'unknown';

/**
 * What happens in the outbox of one process, in its order. Counts and times are of this process; the state of the table, which all processes share, is
 * in `OutboxRepository.stats()` and in the metrics.
 */
export type OutboxActivity =
  /** A transaction has committed that added these events. Never told of one that was rolled back, or whose outcome is not known. */
  | { readonly type: 'added'; readonly counts: readonly EventTypeCount[] }
  /** The broker has acknowledged these events, and the table says so. */
  | { readonly type: 'published'; readonly events: readonly (ActivityEvent & { readonly ageSeconds: number })[] }
  /** The broker has refused these events; they are tried again. */
  | {
      readonly type: 'retried';
      readonly events: readonly (ActivityEvent & {
        readonly attempts: number;
        readonly reason: string;
        readonly retryInSeconds: number;
      })[];
    }
  /** The broker has refused these events once too often: they are dead letters now. */
  | {
      readonly type: 'dead';
      readonly events: readonly (ActivityEvent & { readonly attempts: number; readonly reason: string })[];
    }
  /** A batch is done with: how many events were sent, the bytes of their payloads, and the seconds from fetching to settling. */
  | { readonly type: 'batch'; readonly events: number; readonly bytes: number; readonly seconds: number }
  /** So many events were acknowledged by the broker and could not be settled: whoever owns their lanes sends them again. */
  | { readonly type: 'unsettled'; readonly events: number }
  /** The relay owns these lanes from now on. */
  | { readonly type: 'lease-taken'; readonly lanes: readonly number[] }
  /** The relay has given these lanes back: to another relay's share, or at shutdown. */
  | { readonly type: 'lease-released'; readonly lanes: readonly number[] }
  /** The relay has found that these lanes are no longer its own, or are so only anew. */
  | { readonly type: 'lease-lost'; readonly lanes: readonly number[] }
  /** The broker cannot be reached: told once, when that begins. */
  | { readonly type: 'publisher-down'; readonly reason: string }
  /** The broker is reached again. */
  | { readonly type: 'publisher-up' }
  /** A send takes longer than a lease lasts. */
  | { readonly type: 'publisher-hangs'; readonly seconds: number }
  /** The send that took too long has ended. */
  | { readonly type: 'publisher-in-time' }
  /** Delivery is interrupted, most likely since the database cannot be reached: told once, when that begins. */
  | { readonly type: 'delivery-failed'; readonly reason: string }
  /** Delivery goes on after the interruption. */
  | { readonly type: 'delivery-resumed' }
  /** The relay works without notifications: told once. */
  | { readonly type: 'polls-only'; readonly reason: string }
  /** Something has failed: told each time. */
  | { readonly type: 'error'; readonly errorType: OutboxErrorType; readonly reason: string }
  /** A consumer has handled messages, and that has committed; their ages are those since their adding, as far as the clocks of two machines agree. */
  | { readonly type: 'inbox-processed'; readonly consumer: string; readonly ageSeconds: readonly number[] }
  /** A consumer has skipped so many messages, as it had handled them before. */
  | { readonly type: 'inbox-skipped'; readonly consumer: string; readonly count: number }
  /** A consumer has failed at a message. */
  | {
      readonly type: 'inbox-failed';
      readonly consumer: string;
      readonly id: string;
      readonly topic: string;
      readonly attempts: number;
      readonly reason: string;
    }
  /** A consumer has failed at a message once too often: it is a dead letter of the inbox, or in the retry topic. */
  | {
      readonly type: 'inbox-given-up';
      readonly consumer: string;
      readonly id: string;
      readonly topic: string;
      readonly attempts: number;
      readonly reason: string;
      readonly retryTopic: boolean;
    }
  /** Events are due, and nothing was delivered for so many seconds: told once, and again if the reason changes. */
  | { readonly type: 'silent'; readonly reason: SilenceReason; readonly seconds: number }
  /** Something is delivered again, or nothing is due any more. */
  | { readonly type: 'silence-over' };

/** Takes note of activities. Never fails. */
export type ActivitySink = (activity: OutboxActivity) => void;
