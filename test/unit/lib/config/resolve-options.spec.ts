import { optionRules } from '../../../../lib/config/option-rules';
import type { OutboxOptions } from '../../../../lib/config/outbox-options';
import { resolveOptions } from '../../../../lib/config/resolve-options';
import { OutboxOptionsInvalidError } from '../../../../lib/errors/start-up.errors';
import { InProcessPublisher } from '../../../../lib/publish/in-process.publisher';

const kafka = { clientId: 'orders', brokers: ['localhost:9092'] };

/** Options as a program without types may give them. */
function resolve(options: unknown): ReturnType<typeof resolveOptions> {
  return resolveOptions(options as OutboxOptions);
}

function faultsOf(options: unknown): readonly string[] {
  try {
    resolve(options);
  } catch (error) {
    expect(error).toBeInstanceOf(OutboxOptionsInvalidError);
    return (error as OutboxOptionsInvalidError).faults;
  }
  return [];
}

function messageOf(options: unknown): string {
  try {
    resolve(options);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the options were accepted');
}

describe('the resolved options', () => {
  it('have every default filled in', () => {
    expect(resolveOptions({ kafka })).toEqual({
      kafka,
      publisher: null,
      relay: true,
      pollIntervalSeconds: 1,
      batchSize: 1000,
      maxBatchBytes: 1_048_576,
      maxEventBytes: 1_000_000,
      preparedStatements: true,
      errorRetryIntervalSeconds: 30,
      maxRetries: 5,
      afterDeadLetter: 'continue',
      retention: { publishedHours: 24, deadLetterDays: null, inboxDays: 14 },
      redeliveryDays: 7,
      shutdownSeconds: 10,
      leaseSeconds: 30,
      source: 'nestjs-outboxed',
      allowAutoTopicCreation: false,
      enableMetrics: false,
      metricsByEventType: true,
      silenceSeconds: 60,
      tracing: true,
    });
  });

  it('have the default where an option is given as undefined', () => {
    const undefinedOptions = Object.fromEntries(Object.keys(optionRules).map((name) => [name, undefined]));
    expect(resolve({ kafka, publisher: undefined, ...undefinedOptions })).toEqual(resolveOptions({ kafka }));
  });

  it('have no undefined in them', () => {
    expect(Object.values(resolveOptions({ relay: false }))).not.toContain(undefined);
  });

  it('carry what was given', () => {
    const given = {
      relay: false,
      pollIntervalSeconds: 0.25,
      batchSize: 7,
      maxBatchBytes: 70_000,
      maxEventBytes: 500,
      preparedStatements: false,
      errorRetryIntervalSeconds: 2.5,
      maxRetries: 0,
      afterDeadLetter: 'hold' as const,
      retention: { publishedHours: 0, deadLetterDays: 30, inboxDays: 3 },
      redeliveryDays: 2.5,
      shutdownSeconds: 0,
      leaseSeconds: 40,
      source: '/orders',
      allowAutoTopicCreation: true,
      enableMetrics: true,
      metricsByEventType: false,
      silenceSeconds: 0,
      tracing: false,
    };
    expect(resolveOptions({ kafka, ...given })).toEqual({ kafka, publisher: null, ...given });
  });

  it('are frozen', () => {
    expect(Object.isFrozen(resolveOptions({ kafka }))).toBe(true);
  });

  it('do not change what was given', () => {
    const given = Object.freeze({ kafka: Object.freeze({ brokers: Object.freeze(['localhost:9092']) }) });
    expect(resolve(given).kafka).toBe(given.kafka);
    expect(Object.keys(given)).toEqual(['kafka']);
  });

  it('can come from an object with accessors, such as a configuration service', () => {
    class Configuration {
      get kafka(): typeof kafka {
        return kafka;
      }
      get batchSize(): number {
        return 12;
      }
    }
    expect(resolve(new Configuration())).toMatchObject({ kafka, batchSize: 12 });
  });

  it.each(Object.entries(optionRules))('have a default for %s that its own rule accepts', (_name, rule) => {
    expect(rule.accepts(rule.default)).toBe(true);
  });
});

describe('an option out of its range', () => {
  const seconds = (min: number, max: number): string => `a number of seconds from ${min} to ${max}`;
  const whole = (unit: string, min: number, max: number): string => `a whole number of ${unit} from ${min} to ${max}`;
  const ranges: readonly (readonly [string, number, number, number, string])[] = [
    ['pollIntervalSeconds', 0.01, 3600, 0.001, seconds(0.01, 3600)],
    ['batchSize', 1, 10_000, 1, whole('events', 1, 10_000)],
    ['maxBatchBytes', 65_536, 268_435_456, 1, whole('bytes', 65_536, 268_435_456)],
    ['maxEventBytes', 1, 104_857_600, 1, whole('bytes', 1, 104_857_600)],
    ['errorRetryIntervalSeconds', 0.01, 86_400, 0.001, seconds(0.01, 86_400)],
    ['maxRetries', 0, 10_000, 1, whole('retries', 0, 10_000)],
    ['shutdownSeconds', 0, 3600, 0.001, seconds(0, 3600)],
    ['leaseSeconds', 19, 3600, 0.001, seconds(19, 3600)],
  ];

  describe.each(ranges)('%s', (name, min, max, step, allowed) => {
    it.each([min, max])('may be %d', (value) => {
      expect(resolve({ kafka, [name]: value })).toHaveProperty(name, value);
    });

    it.each([min - step, max + step, -min - step, NaN, Infinity, -Infinity])('must not be %d', (value) => {
      const remedy = optionRules[name as keyof typeof optionRules].remedy;
      expect(faultsOf({ kafka, [name]: value })).toEqual([
        `${name} is ${Object.is(value, -0) ? '-0' : value}, and must be ${allowed}: ${remedy}`,
      ]);
    });

    it.each([
      ['"5"', '5', "'5'"],
      ['null', null, 'null'],
      ['true', true, 'true'],
      ['a BigInt', 5n, '5n'],
      ['a list', [5], '[ 5 ]'],
    ])('must not be %s', (_what, value, shown) => {
      expect(faultsOf({ kafka, [name]: value })).toEqual([
        expect.stringContaining(`${name} is ${shown}, and must be ${allowed}`),
      ]);
    });
  });

  it.each(['batchSize', 'maxBatchBytes', 'maxEventBytes'])('%s must be whole', (name) => {
    expect(faultsOf({ kafka, [name]: 70_000.5 })).toEqual([
      expect.stringContaining(`${name} is 70000.5, and must be a whole number`),
    ]);
  });

  it.each(['pollIntervalSeconds', 'errorRetryIntervalSeconds', 'leaseSeconds'])('%s may be a fraction', (name) => {
    expect(resolve({ kafka, [name]: 20.5 })).toHaveProperty(name, 20.5);
  });

  it.each(['relay', 'allowAutoTopicCreation', 'preparedStatements', 'enableMetrics', 'metricsByEventType', 'tracing'])(
    '%s must be true or false',
    (name) => {
      for (const value of ['true', 1, 0, null, '']) {
        expect(faultsOf({ kafka, [name]: value })).toEqual([
          expect.stringMatching(new RegExp(`^${name} is .+, and must be true or false: .{10}`)),
        ]);
      }
      expect(resolve({ kafka, [name]: true })).toHaveProperty(name, true);
      expect(resolve({ kafka, [name]: false })).toHaveProperty(name, false);
    },
  );

  describe('source', () => {
    it.each(['a', '/orders', 'https://example.com/orders?x=1#y', '~'.repeat(255)])('may be %s', (source) => {
      expect(resolveOptions({ kafka, source }).source).toBe(source);
    });

    it.each(['', ' ', 'two words', 'ümlaut', 'line\nbreak', 'nul\0', 'x'.repeat(256), 7, null, {}])(
      'must not be %j',
      (source) => {
        expect(faultsOf({ kafka, source })).toEqual([
          expect.stringMatching(
            /^source is .+, and must be a URI reference of 1 to 255 printable characters without spaces: name the service/,
          ),
        ]);
      },
    );
  });

  it('is shown on one line, and shortened', () => {
    const [fault] = faultsOf({ kafka, source: `first\nsecond ${'x'.repeat(5000)}` });
    expect(fault).toContain('more characters');
    expect(fault).not.toContain('\n');
    expect(fault?.length).toBeLessThan(400);
  });
});

describe('how long the inbox knows what was handled', () => {
  const fault = (inboxDays: number, redeliveryDays: number): unknown =>
    expect.stringMatching(
      new RegExp(
        `^retention\\.inboxDays is ${inboxDays}, and must be more than redeliveryDays \\(${redeliveryDays}\\): ` +
          '.*handled twice; raise the one, or lower the other and the retention of the topics$',
      ),
    );

  it.each([
    ['more than the default of the other', { retention: { inboxDays: 7.01 } }, 7.01, 7],
    ['the default, and the other is less', { redeliveryDays: 13.99 }, 14, 13.99],
    ['more than the other', { retention: { inboxDays: 31 }, redeliveryDays: 30 }, 31, 30],
    ['the most that there is', { retention: { inboxDays: 3650 }, redeliveryDays: 3649 }, 3650, 3649],
    ['little', { retention: { inboxDays: 0.02 }, redeliveryDays: 0.01 }, 0.02, 0.01],
    ['the default, as it is given as undefined', { retention: { inboxDays: undefined } }, 14, 7],
  ])('may be %s', (_what, given, inboxDays, redeliveryDays) => {
    expect(resolve({ kafka, ...given })).toMatchObject({ retention: { inboxDays }, redeliveryDays });
  });

  it.each([
    ['as long as the broker can deliver a record', { retention: { inboxDays: 7 } }, 7, 7],
    ['shorter than that', { retention: { inboxDays: 1 } }, 1, 7],
    ['the default, where the broker can do so for longer', { redeliveryDays: 14 }, 14, 14],
    ['shorter than what both say', { retention: { inboxDays: 29, publishedHours: 1 }, redeliveryDays: 30 }, 29, 30],
  ])('must not be %s', (_what, given, inboxDays, redeliveryDays) => {
    expect(faultsOf({ kafka, ...given })).toEqual([fault(inboxDays, redeliveryDays)]);
  });

  it.each([0, 0.009, 3651, NaN, '7', null])('must have a redeliveryDays in its range, not %p', (redeliveryDays) => {
    expect(faultsOf({ kafka, redeliveryDays })[0]).toMatch(
      /^redeliveryDays is .+, and must be a number of days from 0\.01 to 3650: .*retention\.ms/,
    );
  });

  it.each([0, 0.009, 3651, NaN, '14', null])('must be in its range, not %p', (inboxDays) => {
    expect(faultsOf({ kafka, retention: { inboxDays } })[0]).toMatch(
      /^retention\.inboxDays is .+, and must be a number of days from 0\.01 to 3650: it must be more than redeliveryDays/,
    );
  });
});

describe('an unknown option', () => {
  it('is refused with the name that was probably meant', () => {
    expect(faultsOf({ kafka, batchsize: 10 })).toEqual(['"batchsize" is not an option. Did you mean "batchSize"?']);
    expect(faultsOf({ kafka, pollIntervalSecs: 1 })).toEqual([
      '"pollIntervalSecs" is not an option. Did you mean "pollIntervalSeconds"?',
    ]);
  });

  it('is refused with all names where none is near', () => {
    const [fault, ...others] = faultsOf({ kafka, zookeeper: true });
    expect(others).toEqual([]);
    expect(fault).toMatch(/^"zookeeper" is not an option\. The options are: kafka, publisher, /);
    for (const name of Object.keys(optionRules)) {
      expect(fault).toContain(name);
    }
  });

  it('is refused even if it is undefined, since it is a mistake in writing', () => {
    expect(faultsOf({ kafka, batchsize: undefined })).toHaveLength(1);
  });

  it.each(['dataSource', 'isGlobal'])('%s, returned by an async factory, is told where it belongs', (name) => {
    expect(faultsOf({ kafka, [name]: 'x' })).toEqual([
      `"${name}" must be known before the options are: give it to forRootAsync beside useFactory, useClass or useExisting`,
    ]);
  });

  it.each(['toString', 'constructor', 'hasOwnProperty'])(
    '%s is not taken for an option because every object has it',
    (name) => {
      expect(faultsOf({ kafka, [name]: 1 })).toEqual([expect.stringContaining(`"${name}" is not an option`)]);
    },
  );
});

describe('options that are no object', () => {
  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['orders', "'orders'"],
    [7, '7'],
  ])('are refused: %p', (options, shown) => {
    expect(faultsOf(options)).toEqual([`the options are ${shown}, and must be an object such as { kafka: { ... } }`]);
  });
});

describe('where events go', () => {
  const publisher = new InProcessPublisher();

  it('is Kafka by default, so that kafka must be given', () => {
    const missing = expect.stringMatching(
      /^kafka is missing.*kafka: \{ clientId, brokers \}, or relay: false/,
    ) as unknown;
    expect(faultsOf({})).toEqual([missing]);
    expect(faultsOf({ relay: true })).toEqual([missing]);
  });

  it('is nowhere from a process that only writes', () => {
    expect(resolveOptions({ relay: false })).toMatchObject({ relay: false, kafka: null, publisher: null });
  });

  it.each([{ kafka }, { publisher }])(
    'may be given to a process that only writes, so that one configuration serves both',
    (where) => {
      expect(resolveOptions({ relay: false, ...where })).toMatchObject({ relay: false, ...where });
    },
  );

  it('can be a publisher in the place of Kafka', () => {
    expect(resolveOptions({ publisher })).toMatchObject({ publisher, kafka: null });
  });

  it('cannot be both', () => {
    expect(faultsOf({ kafka, publisher })).toEqual([
      expect.stringMatching(/^kafka and publisher are both given.*leave one out$/),
    ]);
    expect(faultsOf({ kafka, publisher, relay: false })).toHaveLength(1);
  });

  it.each(['connect', 'publish', 'disconnect'])('cannot be a publisher without %s()', (member) => {
    const members = { connect: jest.fn(), publish: jest.fn(), disconnect: jest.fn() };
    expect(faultsOf({ publisher: { ...members, [member]: undefined } })).toEqual([
      expect.stringMatching(/^publisher is .*must be an object with connect\(\), publish\(\) and disconnect\(\)/),
    ]);
    expect(faultsOf({ publisher: members })).toEqual([]);
  });

  it.each([null, 'kafka', 7, jest.fn()])('cannot be the publisher %p', (value) => {
    expect(faultsOf({ publisher: value })).toEqual([expect.stringMatching(/^publisher is /)]);
  });

  it('keeps the publisher itself, not a copy, as it has a state', () => {
    expect(resolveOptions({ publisher: publisher }).publisher).toBe(publisher);
  });
});

describe('the option kafka', () => {
  it.each([null, 'localhost:9092', 7, true])('must be an object, not %p', (value) => {
    expect(faultsOf({ kafka: value })).toEqual([
      expect.stringMatching(/^kafka is not an object, and must be kafkajs' configuration: \{/),
    ]);
  });

  it.each([undefined, null, [], [''], ['localhost:9092', 7], 'localhost:9092', {}])(
    'must not have the brokers %j',
    (brokers) => {
      expect(faultsOf({ kafka: { brokers } })).toEqual([
        expect.stringMatching(/^kafka\.brokers is .+, and must be a list with at least one "host:port", or a function/),
      ]);
    },
  );

  it('may find its brokers by a function', () => {
    const discovering = { brokers: (): string[] => ['localhost:9092'] };
    expect(resolveOptions({ kafka: discovering }).kafka).toBe(discovering);
  });

  it.each(['retry', 'requestTimeout', 'enforceRequestTimeout'])('must not have %s, with the reason', (name) => {
    for (const value of [{ retries: 3 }, 1000, false, undefined]) {
      expect(faultsOf({ kafka: { ...kafka, [name]: value } })).toEqual([
        `kafka.${name} is given, and must not be: the relay alone repeats a send, and must know how long one takes, or the order ` +
          'of events would not hold; leave it out',
      ]);
    }
  });

  it('may have everything else that kafkajs knows', () => {
    const full = {
      ...kafka,
      ssl: true,
      sasl: { mechanism: 'plain', username: 'u', password: 'p' },
      connectionTimeout: 500,
    };
    expect(resolve({ kafka: full }).kafka).toBe(full);
  });
});

describe('the error', () => {
  const secret = 'hunter2-very-secret';
  const withSecret = { ...kafka, sasl: { mechanism: 'plain', username: 'orders', password: secret } };

  it('names every fault, each on a line of its own', () => {
    const faults = faultsOf({
      kafka: { brokers: [], retry: {} },
      batchSize: 0,
      leaseSeconds: 3,
      pubisher: 1,
      isGlobal: true,
    });
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      '"pubisher"',
      '"isGlobal"',
      'batchSize',
      'leaseSeconds',
      'kafka.brokers',
      'kafka.retry',
    ]);
    const error = new OutboxOptionsInvalidError(faults);
    expect(error.message.split('\n')).toEqual([
      'The options of OutboxModule are not valid:',
      ...faults.map((fault) => `  - ${fault}`),
    ]);
  });

  it('has a code and its own name', () => {
    expect(() => resolve({})).toThrow(
      expect.objectContaining({ code: 'OUTBOX_OPTIONS_INVALID', name: 'OutboxOptionsInvalidError' }) as Error,
    );
  });

  it.each([
    ['another option is wrong', { kafka: withSecret, batchSize: 0 }],
    ['the brokers are wrong', { kafka: { ...withSecret, brokers: [] } }],
    ['retry is refused', { kafka: { ...withSecret, retry: { retries: 1 } } }],
    ['a publisher is given as well', { kafka: withSecret, publisher: new InProcessPublisher() }],
    ['kafka is given under another name', { kafkaa: withSecret }],
    ['kafka is given in the place of the publisher', { publisher: withSecret }],
    ['kafkajs options stand at the top', withSecret],
    ['kafka is given in the place of an option', { kafka, source: { kafka: withSecret } }],
    ['kafka is text', { kafka: `kafka://orders:${secret}@localhost:9092` }],
  ])('never shows the password where %s', (_where, options) => {
    expect(messageOf(options)).not.toContain(secret);
  });

  it('never shows what an incomplete publisher holds', () => {
    const incomplete = { password: secret, connect: jest.fn(), publish: jest.fn() };
    expect(messageOf({ publisher: incomplete })).not.toContain(secret);
  });

  it('never shows the credentials of an object that stands where a simple value belongs', () => {
    expect(messageOf({ kafka, source: { password: secret } })).not.toContain(secret);
    expect(messageOf({ kafka: { brokers: { password: secret } } })).not.toContain(secret);
  });
});
