import type { ResolvedOutboxOptions } from './outbox-options';

/** What a single option may be. Options that depend on each other are checked in resolve-options.ts. */
export interface OptionRule<T> {
  readonly default: T;
  /** What is allowed, to stand behind "must be". */
  readonly allowed: string;
  readonly accepts: (value: unknown) => boolean;
  /** How to fix it. */
  readonly remedy: string;
}

type SimpleOptions = Omit<ResolvedOutboxOptions, 'kafka' | 'publisher'>;

function flag(value: boolean, remedy: string): OptionRule<boolean> {
  return { default: value, allowed: 'true or false', accepts: (given) => typeof given === 'boolean', remedy };
}

function seconds(value: number, min: number, max: number, remedy: string): OptionRule<number> {
  return {
    default: value,
    allowed: `a number of seconds from ${min} to ${max}`,
    accepts: (given) => typeof given === 'number' && given >= min && given <= max,
    remedy,
  };
}

function count(value: number, min: number, max: number, unit: string, remedy: string): OptionRule<number> {
  return {
    default: value,
    allowed: `a whole number of ${unit} from ${min} to ${max}`,
    accepts: (given) => Number.isInteger(given) && (given as number) >= min && (given as number) <= max,
    remedy,
  };
}

/** The one place where defaults and ranges stand; the table in the README is checked against it. */
export const optionRules: { readonly [K in keyof SimpleOptions]: OptionRule<SimpleOptions[K]> } = {
  relay: flag(true, 'set relay: false in a process that only writes events'),
  pollIntervalSeconds: seconds(1, 0.01, 3600, 'a commit wakes the relay anyway, so 1 suits most services'),
  batchSize: count(1000, 1, 10_000, 'events', '1000 is a good start; larger batches bring little'),
  maxBatchBytes: count(8_388_608, 65_536, 268_435_456, 'bytes', 'the relay holds about this much payload in memory'),
  maxEventBytes: count(1_000_000, 1, 104_857_600, 'bytes', "keep it below the broker's message.max.bytes"),
  errorRetryIntervalSeconds: seconds(30, 0.01, 86_400, 'it doubles with each refusal, so start small'),
  leaseSeconds: seconds(
    20,
    17,
    3600,
    'two thirds of it must be longer than a send may take (10 s) and a margin of 1 s',
  ),
  preparedStatements: flag(true, 'set false only behind a connection pooler that does not keep prepared statements'),
  source: {
    default: 'nestjs-outboxed',
    allowed: 'a URI reference of 1 to 255 printable characters without spaces',
    accepts: (given) => typeof given === 'string' && /^[\x21-\x7e]{1,255}$/.test(given),
    remedy: 'name the service, such as "/orders" or "https://example.com/orders"',
  },
  allowAutoTopicCreation: flag(false, 'set true only where topics need no deliberate settings, such as in development'),
};
