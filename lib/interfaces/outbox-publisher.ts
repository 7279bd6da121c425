/** An event on its way to the broker. A redelivery has the same content, byte for byte. */
export interface OutboxMessage {
  /** Identity of the event. */
  readonly id: string;
  readonly topic: string;
  /** The ordering key. */
  readonly key: string;
  /** The payload: JSON text, as it was stored. */
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What became of one message. */
export type PublishOutcome =
  /** The broker has acknowledged it. */
  | { readonly status: 'published' }
  /** It is this message's own fault: too large, an unknown or forbidden topic. The reason is kept for the operator. */
  | { readonly status: 'rejected'; readonly reason: string }
  /** Not this message's fault: the broker is away, or an earlier message of the same key was not published. */
  | { readonly status: 'retry' };

/** What became of a batch. */
export interface PublishResult {
  /** One outcome for each message, in the order of the batch. */
  readonly outcomes: readonly PublishOutcome[];
  /** Set if the publisher could not reach its broker; the relay pauses, and no event is charged with an attempt. */
  readonly unavailable?: string;
}

/** What a publisher may ask the relay while it sends. */
export interface PublishContext {
  /**
   * Whether another request may begin. Asked before each request of a batch that takes several: a relay that has lost its share of the events,
   * or soon may, must not go on sending. What is not sent then is `retry`.
   */
  mayContinue(): boolean;
}

/**
 * The port to a broker.
 *
 * The relay calls `publish` with one batch at a time. What a publisher must hold to:
 * - Messages of one key reach the broker in the order of the batch. After one that was not published, no later message of its
 *   key is sent.
 * - `published` only for what the broker has acknowledged. Anything uncertain is `retry`: a duplicate is recognised by its id, a
 *   loss is not.
 * - It answers within a bounded time, and throws only for programming errors. After `leaseSeconds` the relay leaves its events to others.
 */
export interface OutboxPublisher {
  /** Called before the first batch. May fail if the broker is away: the relay goes on, and `publish` connects later. */
  connect(): Promise<void>;
  publish(batch: readonly OutboxMessage[], context: PublishContext): Promise<PublishResult>;
  /** Called once at shutdown, after the last batch. */
  disconnect(): Promise<void>;
}
