/** A header as kafkajs or Nest's Kafka transport gives it. */
type Header = string | Buffer | object | null | undefined;

/** What the inbox needs of a record: kafkajs' `EachMessagePayload` is one, and so is what Nest's `KafkaContext` holds. */
export interface InboxPayload {
  readonly topic: string;
  readonly partition: number;
  readonly message: InboxPayloadMessage;
}

export interface InboxPayloadMessage {
  readonly key?: Buffer | string | object | null | undefined;
  /** Bytes, or what Nest's transport has parsed them to. */
  readonly value?: unknown;
  readonly headers?: Readonly<Record<string, Header>> | undefined;
  readonly offset: string;
  /** Milliseconds since 1970, as text. */
  readonly timestamp?: string | undefined;
}

/** What the inbox needs of a batch: kafkajs' `EachBatchPayload` is one. */
export interface InboxBatchPayload<Message extends InboxPayloadMessage = InboxPayloadMessage> {
  readonly batch: { readonly topic: string; readonly partition: number; readonly messages: readonly Message[] };
  resolveOffset(offset: string): void;
  heartbeat(): Promise<void>;
  isRunning(): boolean;
  isStale(): boolean;
}

/** A record as the inbox sees it: headers are text. */
export interface InboxMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | string | null;
  /** Bytes, or what Nest's transport has parsed them to. */
  readonly value: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** When the record was written, in milliseconds since 1970; 0 if that is not known. */
  readonly timestamp: number;
}

/** How a consumer handles what it receives. */
export interface InboxConsumerOptions {
  /**
   * Name of the consumer, 1 to 255 characters. What is known as handled is known by this name, so it must stay the same for ever, and two consumers of one database
   * that both are to handle a message need two.
   */
  readonly consumer: string;
  /** The id of a message that has neither a header `ce_id` nor a header `id`; undefined: it has none. */
  readonly id?: ((message: InboxMessage) => string | undefined) | undefined;
  /**
   * What becomes of a message without an id: `refuse` fails with `InboxMessageIdMissingError`, `process` handles it each time that it is delivered.
   * Default: `refuse`.
   */
  readonly withoutId?: 'refuse' | 'process' | undefined;
  /**
   * What becomes of an operator's replay (header `outbox-replay`) of a message that was handled: `skip`, or `process`, which handles
   * each replay once. Default: `skip`.
   */
  readonly onReplay?: 'skip' | 'process' | undefined;
  /**
   * What becomes of a message that another delivery is just being handled of: `wait` until that has ended, then skip or handle it; or `refuse` with
   * `InboxMessageBusyError`, so that the broker delivers it again. A batch always waits. Default: `wait`.
   */
  readonly whileBusy?: 'wait' | 'refuse' | undefined;
  /** Failed attempts after which a message is given up; 1 to 10000, or null: never, and its partition waits for it. Default: `10`. */
  readonly maxAttempts?: number | null | undefined;
  /** Whether an error is the message's fault and counts as an attempt. Default: all are. */
  readonly countsAsAttempt?: ((error: unknown) => boolean) | undefined;
  /**
   * A topic that a message is written to when it is given up, through the outbox and so in one commit. It gives up the order of the message's key. Not
   * given, or if the message came from there, or is no JSON: it becomes a dead letter of the inbox.
   */
  readonly retryTopic?: string | undefined;
  /** Seconds before which a message is not delivered to the retry topic. 0 to 604800. Default: `0`. */
  readonly retryDelaySeconds?: number | undefined;
}

/** What became of a message; none of these is delivered again. */
export type InboxOutcome<T> =
  /** It was handled now. */
  | { readonly status: 'processed'; readonly result: T }
  /** It was handled before. */
  | { readonly status: 'skipped' }
  /** It has failed once too often, and is in the retry topic. */
  | { readonly status: 'retried'; readonly error: unknown }
  /** It has failed once too often, and is a dead letter of the inbox. */
  | { readonly status: 'dead'; readonly error: unknown };

/** How many messages of a batch came to which end. */
export type InboxBatchOutcome = Readonly<Record<InboxOutcome<unknown>['status'], number>>;
