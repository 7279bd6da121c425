import type { KafkaConfig } from 'kafkajs';
import type { OutboxPublisher } from '../interfaces/outbox-publisher';

/**
 * kafkajs' own client configuration. `retry`, `requestTimeout` and `enforceRequestTimeout` are the publisher's: one send must end within a known time,
 * and the relay alone repeats it, so that the order of a key holds.
 */
export type OutboxKafkaOptions = Omit<KafkaConfig, 'retry' | 'requestTimeout' | 'enforceRequestTimeout'>;

/** How long what is done with is kept. */
export interface OutboxRetention {
  /**
   * Hours that a delivered event stays in the table; with 0 it is deleted when it is delivered, which is also the fastest.
   * 0 to 87600. Default: `24`.
   */
  readonly publishedHours: number;
  /** Days that a dead letter, also one of the inbox, is kept; null: until an operator has decided. 1 to 3650. Default: `null`. */
  readonly deadLetterDays: number | null;
  /**
   * Days for which the inbox knows that a message was handled. A message that comes again later is handled again, so it must be more than
   * `redeliveryDays`. Up to 3650. Default: `14`.
   */
  readonly inboxDays: number;
}

/**
 * The options of the outbox. Durations are seconds where the name ends in `Seconds`, sizes are bytes where it ends in `Bytes`.
 * All are checked while the application starts; unknown names are refused.
 */
export interface OutboxOptions {
  /**
   * How to reach Kafka: kafkajs' own `KafkaConfig` (`clientId`, `brokers`, `ssl`, `sasl`, ...) without `retry` and
   * `requestTimeout`. Needed unless `relay` is false or `publisher` is given.
   */
  kafka?: OutboxKafkaOptions | undefined;
  /** Deliver through this publisher and not through kafkajs. Excludes `kafka`. */
  publisher?: OutboxPublisher | undefined;
  /** Whether this process delivers events. `false` for one that only writes them. Default: `true`. */
  relay?: boolean | undefined;
  /**
   * Seconds between two looks for pending events, and for lanes of a relay that was killed. Commits wake the relay that owns their lanes, in this
   * process or another one; the poll is for what it was not told of. 0.01 to 3600. Default: `1`.
   */
  pollIntervalSeconds?: number | undefined;
  /** Most events in one batch: one fetch, one send, one settling. 1 to 10000. Default: `1000`. */
  batchSize?: number | undefined;
  /**
   * Most bytes of payload in one batch, which bounds the relay's memory; a single larger event is a batch of its own.
   * 65536 to 268435456. Default: `1048576` (1 MiB).
   */
  maxBatchBytes?: number | undefined;
  /**
   * Largest payload that `addEvent` accepts, in bytes of its JSON text. Keep it below the broker's `message.max.bytes`
   * (1048588 unless changed) with room for key and headers. 1 to 104857600. Default: `1000000`.
   */
  maxEventBytes?: number | undefined;
  /**
   * Seconds until an event that the broker refused is tried again; doubled with each further refusal, up to an hour, with jitter.
   * An outage of the broker is no refusal. 0.01 to 86400. Default: `30`.
   */
  errorRetryIntervalSeconds?: number | undefined;
  /**
   * How often an event that the broker refused is tried again before it becomes a dead letter. An outage of the broker does not
   * count. 0 to 10000. Default: `5`.
   */
  maxRetries?: number | undefined;
  /**
   * What becomes of the later events of a dead letter's key: `continue` delivers them, `hold` keeps them back until an operator
   * replays or discards the dead letter, or releases the key. Default: `continue`.
   */
  afterDeadLetter?: 'continue' | 'hold' | undefined;
  /** How long delivered events, dead letters and the inbox' records are kept. */
  retention?: Partial<OutboxRetention> | undefined;
  /**
   * Days for which the broker can deliver a record again: the longest `retention.ms` of the topics that are consumed through the inbox, as somebody
   * may set a group's offsets back to the beginning. 0.01 to 3650. Default: `7`, which is Kafka's.
   */
  redeliveryDays?: number | undefined;
  /**
   * Seconds that what is in flight may take at shutdown; what is not settled by then is sent again later. All of the shutdown takes a second
   * more at most, also where the database or its pool gives no connection. 0 to 3600. Default: `10`.
   */
  shutdownSeconds?: number | undefined;
  /**
   * Seconds that a relay owns its share of the events without renewing: one that hangs, or was killed where it could not show a sign of life,
   * is replaced after this time. One that was killed is otherwise replaced at the next poll, one that stops gracefully at once. 19 to 3600, since a send (11 s at most) must end within two thirds of it. Default: `30`.
   */
  leaseSeconds?: number | undefined;
  /**
   * Whether events are added with named prepared statements, which makes adding about twice as fast. `false` for a connection pooler that
   * does not keep them, such as pgbouncer in transaction mode before 1.21. Default: `true`.
   */
  preparedStatements?: boolean | undefined;
  /** CloudEvents `source` of all events: a URI reference that names the service. Default: `nestjs-outboxed`. */
  source?: string | undefined;
  /**
   * Let the broker create unknown topics. `false`: an event for an unknown topic waits and is tried again, so that a mistyped
   * name does not become a topic. Default: `false`.
   */
  allowAutoTopicCreation?: boolean | undefined;
  /**
   * Whether the outbox shows itself in Prometheus' metrics, which needs the packages `@willsoto/nestjs-prometheus` and `prom-client`. Their label
   * `service` is the option `source`: where a process has several outboxes, give each its own. Default: `false`.
   */
  enableMetrics?: boolean | undefined;
  /**
   * Whether metrics of events have the label `event_type`, of which the first 100 of a process are told apart and all others are `other`.
   * Default: `true`.
   */
  metricsByEventType?: boolean | undefined;
  /**
   * Seconds after which it is told, in the log, the metrics and the health, that events are due and nothing is delivered. Give more than lies between
   * two runs where only `drain` delivers. 0 never tells; otherwise 1 to 86400. Default: `60`.
   */
  silenceSeconds?: number | undefined;
  /**
   * Whether the trace context of the code that adds an event is stored with it and delivered in its headers, if `@opentelemetry/api` is
   * installed. Default: `true`.
   */
  tracing?: boolean | undefined;
}

/** The options with every default filled in. Frozen. */
export interface ResolvedOutboxOptions {
  readonly kafka: OutboxKafkaOptions | null;
  readonly publisher: OutboxPublisher | null;
  readonly relay: boolean;
  readonly pollIntervalSeconds: number;
  readonly batchSize: number;
  readonly maxBatchBytes: number;
  readonly maxEventBytes: number;
  readonly errorRetryIntervalSeconds: number;
  readonly maxRetries: number;
  readonly afterDeadLetter: 'continue' | 'hold';
  readonly retention: OutboxRetention;
  readonly shutdownSeconds: number;
  readonly leaseSeconds: number;
  readonly preparedStatements: boolean;
  readonly source: string;
  readonly allowAutoTopicCreation: boolean;
  readonly redeliveryDays: number;
  readonly enableMetrics: boolean;
  readonly metricsByEventType: boolean;
  readonly silenceSeconds: number;
  readonly tracing: boolean;
}
