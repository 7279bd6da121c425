import { inspect } from 'node:util';
import { closestName } from '../config/closest-name';
import { TOPIC_NAME } from '../config/topic-name';
import { InboxOptionsInvalidError } from '../errors/inbox.errors';
import type { InboxConsumerOptions } from '../interfaces/inbox-message';

/** The options of a consumer with every default filled in. */
export type ResolvedConsumer = {
  readonly [Name in keyof InboxConsumerOptions]-?: Exclude<InboxConsumerOptions[Name], undefined>;
} & { readonly id: InboxConsumerOptions['id']; readonly retryTopic: InboxConsumerOptions['retryTopic'] };

interface Rule {
  readonly default?: unknown;
  /** What is allowed, to stand behind "must be". */
  readonly allowed: string;
  readonly accepts: (value: unknown) => boolean;
}

const isFunction = (value: unknown): boolean => typeof value === 'function';

const oneOf = (first: string, second: string): Rule => ({
  default: first,
  allowed: `"${first}" or "${second}"`,
  accepts: (value) => value === first || value === second,
});

/** The one place where defaults and ranges stand. */
const rules: { readonly [Name in keyof Required<InboxConsumerOptions>]: Rule } = {
  consumer: {
    allowed: 'a name of 1 to 255 characters that stays the same for ever, such as "shipping"',
    accepts: (value) => typeof value === 'string' && /^[^\0]{1,255}$/u.test(value) && value.isWellFormed(),
  },
  id: { allowed: 'a function that takes a message and gives its id', accepts: isFunction },
  withoutId: oneOf('refuse', 'process'),
  onReplay: oneOf('skip', 'process'),
  whileBusy: oneOf('wait', 'refuse'),
  maxAttempts: {
    default: 10,
    allowed: 'null, or a whole number from 1 to 10000',
    accepts: (value) =>
      value === null || (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10_000),
  },
  countsAsAttempt: {
    default: () => true,
    allowed: 'a function that takes an error and says true or false',
    accepts: isFunction,
  },
  retryTopic: {
    allowed: 'a topic: 1 to 249 of the characters a-z A-Z 0-9 . _ -',
    accepts: (value) => typeof value === 'string' && TOPIC_NAME.test(value),
  },
  retryDelaySeconds: {
    default: 0,
    allowed: 'a number of seconds from 0 to 604800',
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= 604_800,
  },
};

const entries = Object.entries(rules);

/**
 * Checks the options and fills in the defaults.
 *
 * @param where whose options they are, for the message
 * @throws InboxOptionsInvalidError with every fault, not only the first
 */
export function resolveConsumer(options: InboxConsumerOptions, where: string): ResolvedConsumer {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new InboxOptionsInvalidError(where, [
      `they are ${inspect(options)}, and must be an object such as { consumer: "shipping" }`,
    ]);
  }
  const given = options as unknown as Readonly<Record<string, unknown>>;
  const faults = [...unknownNames(given), ...wrongValues(given)];
  if (faults.length > 0) {
    throw new InboxOptionsInvalidError(where, faults);
  }
  const resolved: Record<string, unknown> = {};
  for (const [name, rule] of entries) {
    resolved[name] = given[name] === undefined ? rule.default : given[name];
  }
  return Object.freeze(resolved) as unknown as ResolvedConsumer;
}

function unknownNames(given: Readonly<Record<string, unknown>>): string[] {
  const names = Object.keys(given).filter((name) => !Object.hasOwn(rules, name));
  return names.map((name) => {
    const closest = closestName(name, Object.keys(rules));
    return `"${name}" is not an option. ${closest === undefined ? `The options are: ${Object.keys(rules).join(', ')}` : `Did you mean "${closest}"?`}`;
  });
}

function wrongValues(given: Readonly<Record<string, unknown>>): string[] {
  return entries
    .filter(([name, { accepts }]) => (name === 'consumer' || given[name] !== undefined) && !accepts(given[name]))
    .map(
      ([name, { allowed }]) =>
        `${name} is ${inspect(given[name], { depth: 0, breakLength: Infinity, maxStringLength: 80 })}, and must be ${allowed}`,
    );
}

/**
 * Checks what a batch does not allow.
 *
 * @throws InboxOptionsInvalidError
 */
export function assertForBatch({ whileBusy }: ResolvedConsumer, where: string): void {
  if (whileBusy === 'refuse') {
    throw new InboxOptionsInvalidError(where, [
      'whileBusy is "refuse", and must be "wait" for a batch: its messages are recorded by one statement; handle them one by one with process()',
    ]);
  }
}
