import type { OutboxRetention, ResolvedOutboxOptions } from './outbox-options';

/** What a single option may be. Options that depend on each other are checked in resolve-options.ts. */
export interface OptionRule<T> {
  readonly default: T;
  /** What is allowed, to stand behind "must be". */
  readonly allowed: string;
  readonly accepts: (value: unknown) => boolean;
  /** How to fix it. */
  readonly remedy: string;
}

type SimpleOptions = Omit<ResolvedOutboxOptions, 'kafka' | 'publisher' | 'retention'>;

function flag(value: boolean, remedy: string): OptionRule<boolean> {
  return { default: value, allowed: 'true or false', accepts: (given) => typeof given === 'boolean', remedy };
}

function count(value: number, min: number, max: number, unit: string, remedy: string): OptionRule<number> {
  return {
    default: value,
    allowed: `a whole number of ${unit} from ${min} to ${max}`,
    accepts: (given) => Number.isInteger(given) && (given as number) >= min && (given as number) <= max,
    remedy,
  };
}

function time(value: number, min: number, max: number, unit: string, remedy: string): OptionRule<number> {
  return {
    default: value,
    allowed: `a number of ${unit} from ${min} to ${max}`,
    accepts: (given) => typeof given === 'number' && given >= min && given <= max,
    remedy,
  };
}

/** The one place where defaults and ranges stand; the table in the README is checked against it. */
export const optionRules: { readonly [K in keyof SimpleOptions]: OptionRule<SimpleOptions[K]> } = {
  relay: flag(true, 'set relay: false in a process that only writes events'),
  pollIntervalSeconds: time(1, 0.01, 3600, 'seconds', 'a commit wakes the relay anyway, so 1 suits most services'),
  batchSize: count(1000, 1, 10_000, 'events', '1000 is a good start; larger batches bring little'),
  maxBatchBytes: count(1_048_576, 65_536, 268_435_456, 'bytes', 'the relay holds about this much payload in memory'),
  maxEventBytes: count(1_000_000, 1, 104_857_600, 'bytes', "keep it below the broker's message.max.bytes"),
  errorRetryIntervalSeconds: time(30, 0.01, 86_400, 'seconds', 'it doubles with each refusal, so start small'),
  maxRetries: count(5, 0, 10_000, 'retries', '0 gives an event up at its first refusal'),
  afterDeadLetter: {
    default: 'continue',
    allowed: '"continue" or "hold"',
    accepts: (given) => given === 'continue' || given === 'hold',
    remedy: '"hold" keeps later events of the key back until an operator has decided',
  },
  leaseSeconds: time(
    30,
    19,
    3600,
    'seconds',
    'two thirds of it must be longer than a send may take (11 s) and a margin of 1 s',
  ),
  shutdownSeconds: time(10, 0, 3600, 'seconds', 'keep it below what the platform grants a process that is to end'),
  preparedStatements: flag(true, 'set false only behind a connection pooler that does not keep prepared statements'),
  source: {
    default: 'nestjs-outboxed',
    allowed: 'a URI reference of 1 to 255 printable characters without spaces',
    accepts: (given) => typeof given === 'string' && /^[\x21-\x7e]{1,255}$/.test(given),
    remedy: 'name the service, such as "/orders" or "https://example.com/orders"',
  },
  allowAutoTopicCreation: flag(false, 'set true only where topics need no deliberate settings, such as in development'),
  redeliveryDays: time(
    7,
    0.01,
    3650,
    'days',
    "take the longest retention.ms of the consumed topics; Kafka's is 7 days",
  ),
  enableMetrics: flag(false, 'true needs the packages @willsoto/nestjs-prometheus and prom-client'),
  metricsByEventType: flag(true, 'set false where there are many event types and many processes'),
  silenceSeconds: {
    default: 60,
    allowed: '0, or a number of seconds from 1 to 86400',
    accepts: (given) => typeof given === 'number' && (given === 0 || (given >= 1 && given <= 86_400)),
    remedy: '0 never tells that events are due and nothing is delivered',
  },
  tracing: flag(true, 'set false to store no trace context with events'),
};

/** The same for what stands inside `retention`. */
export const retentionRules: { readonly [K in keyof OutboxRetention]: OptionRule<OutboxRetention[K]> } = {
  publishedHours: time(24, 0, 87_600, 'hours', '0 deletes an event when it is delivered'),
  deadLetterDays: {
    default: null,
    allowed: 'null, or a number of days from 1 to 3650',
    accepts: (given) => given === null || (typeof given === 'number' && given >= 1 && given <= 3650),
    remedy: 'null keeps dead letters until an operator has decided',
  },
  inboxDays: time(14, 0.01, 3650, 'days', 'it must be more than redeliveryDays'),
};
