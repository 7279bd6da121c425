import { inspect } from 'node:util';
import { OutboxOptionsInvalidError } from '../errors/start-up.errors';
import { closestName } from './closest-name';
import { optionRules, retentionRules, type OptionRule } from './option-rules';
import type { OutboxOptions, OutboxRetention, ResolvedOutboxOptions } from './outbox-options';

const optionNames: readonly string[] = ['kafka', 'publisher', 'retention', ...Object.keys(optionRules)];

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {@link OutboxOptionsInvalidError} with every fault, not only the first
 */
export function resolveOptions(options: OutboxOptions): ResolvedOutboxOptions {
  if (typeof options !== 'object' || options === null) {
    throw new OutboxOptionsInvalidError([
      `the options are ${shown(options)}, and must be an object such as { kafka: { ... } }`,
    ]);
  }
  const given = options as Readonly<Record<string, unknown>>;
  const faults = [
    ...unknownNames(given),
    ...wrongValues(given, optionRules),
    ...wrongRetention(given['retention']),
    ...forgottenTooSoon(options),
    ...wrongDelivery(given),
  ];
  if (faults.length > 0) {
    throw new OutboxOptionsInvalidError(faults);
  }
  return Object.freeze({
    kafka: options.kafka ?? null,
    publisher: options.publisher ?? null,
    retention: Object.freeze(withDefaults(options.retention ?? {}, retentionRules)),
    ...withDefaults(given, optionRules),
  }) as ResolvedOutboxOptions;
}

type Rules = Readonly<Record<string, OptionRule<unknown>>>;

function withDefaults(given: object, rules: Rules): object {
  const values = given as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => [name, values[name] === undefined ? rule.default : values[name]]),
  );
}

function unknownNames(given: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(given)
    .filter((name) => !optionNames.includes(name))
    .map((name) => {
      if (name === 'dataSource' || name === 'isGlobal') {
        return `"${name}" must be known before the options are: give it to forRootAsync beside useFactory, useClass or useExisting`;
      }
      const closest = closestName(name, optionNames);
      const hint = closest === undefined ? `The options are: ${optionNames.join(', ')}` : `Did you mean "${closest}"?`;
      return `"${name}" is not an option. ${hint}`;
    });
}

function wrongValues(given: Readonly<Record<string, unknown>>, rules: Rules, prefix = ''): string[] {
  return Object.entries(rules)
    .filter(([name, rule]) => given[name] !== undefined && !rule.accepts(given[name]))
    .map(([name, rule]) => `${prefix}${name} is ${shown(given[name])}, and must be ${rule.allowed}: ${rule.remedy}`);
}

function wrongRetention(retention: unknown): string[] {
  if (retention === undefined) {
    return [];
  }
  if (typeof retention !== 'object' || retention === null || Array.isArray(retention)) {
    return [`retention is ${shown(retention)}, and must be an object such as { publishedHours: 24 }`];
  }
  const given = retention as Readonly<Record<string, unknown>>;
  const names = Object.keys(retentionRules);
  const unknown = Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => `"retention.${name}" is not an option. Inside retention there are: ${names.join(', ')}`);
  return [...unknown, ...wrongValues(given, retentionRules, 'retention.')];
}

/** What is handled once must be known for as long as the broker can deliver it. */
function forgottenTooSoon({ retention, redeliveryDays = optionRules.redeliveryDays.default }: OutboxOptions): string[] {
  const { inboxDays = retentionRules.inboxDays.default }: Partial<OutboxRetention> = retention ?? {};
  // What is out of its range has been told already.
  return retentionRules.inboxDays.accepts(inboxDays) && inboxDays <= redeliveryDays
    ? [
        `retention.inboxDays is ${shown(inboxDays)}, and must be more than redeliveryDays (${shown(redeliveryDays)}): a record that the broker delivers ` +
          'after the inbox has forgotten it would be handled twice; raise the one, or lower the other and the retention of the topics',
      ]
    : [];
}

/** Where events go: to Kafka, to a publisher of the user's, or nowhere from this process. */
function wrongDelivery(given: Readonly<Record<string, unknown>>): string[] {
  const { kafka, publisher, relay } = given;
  if (publisher !== undefined && kafka !== undefined) {
    return ['kafka and publisher are both given, and must not be: events go to one of them; leave one out'];
  }
  if (publisher !== undefined) {
    return isPublisher(publisher)
      ? []
      : [
          `publisher is ${shown(publisher)}, and must be an object with connect(), publish() and disconnect(): see OutboxPublisher`,
        ];
  }
  if (kafka !== undefined) {
    return wrongKafka(kafka);
  }
  return relay === false
    ? []
    : [
        'kafka is missing, and is needed to deliver: give kafka: { clientId, brokers }, or relay: false in a process that only writes',
      ];
}

function wrongKafka(kafka: unknown): string[] {
  if (typeof kafka !== 'object' || kafka === null) {
    return [
      'kafka is not an object, and must be kafkajs\' configuration: { clientId: "orders", brokers: ["localhost:9092"] }',
    ];
  }
  const { brokers } = kafka as Readonly<Record<string, unknown>>;
  const faults: string[] = [];
  const listed =
    Array.isArray(brokers) &&
    brokers.length > 0 &&
    brokers.every((broker) => typeof broker === 'string' && broker !== '');
  if (!listed && typeof brokers !== 'function') {
    faults.push(
      `kafka.brokers is ${shown(brokers)}, and must be a list with at least one "host:port", or a function that gives one`,
    );
  }
  for (const name of ['retry', 'requestTimeout', 'enforceRequestTimeout']) {
    if (name in kafka) {
      faults.push(
        `kafka.${name} is given, and must not be: the relay alone repeats a send, and must know how long one takes, or the order ` +
          'of events would not hold; leave it out',
      );
    }
  }
  return faults;
}

function isPublisher(value: unknown): boolean {
  const members = value as Readonly<Record<string, unknown>> | null;
  return (
    typeof members === 'object' &&
    members !== null &&
    ['connect', 'publish', 'disconnect'].every((name) => typeof members[name] === 'function')
  );
}

/** Short and on one line; of an object only what it is, as it may hold credentials. */
function shown(value: unknown): string {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? 'an object'
    : inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 5 });
}
