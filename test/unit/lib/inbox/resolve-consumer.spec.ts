import { InboxOptionsInvalidError } from '../../../../lib/errors/inbox.errors';
import { resolveConsumer } from '../../../../lib/inbox/resolve-consumer';
import type { InboxConsumerOptions } from '../../../../lib/interfaces/inbox-message';

/** Options as a program without types may give them. */
const resolve = (options: unknown): ReturnType<typeof resolveConsumer> =>
  resolveConsumer(options as InboxConsumerOptions, 'Inbox.process');

function faultsOf(options: unknown): readonly string[] {
  try {
    resolve(options);
  } catch (error) {
    expect(error).toBeInstanceOf(InboxOptionsInvalidError);
    return (error as InboxOptionsInvalidError).faults;
  }
  return [];
}

describe('the options of a consumer', () => {
  it('have every default filled in', () => {
    const resolved = resolve({ consumer: 'shipping' });
    expect(resolved).toEqual({
      consumer: 'shipping',
      id: undefined,
      withoutId: 'refuse',
      onReplay: 'skip',
      whileBusy: 'wait',
      maxAttempts: 10,
      countsAsAttempt: expect.any(Function) as unknown,
      retryTopic: undefined,
      retryDelaySeconds: 0,
    });
    expect(resolved.countsAsAttempt(new Error('no stock'))).toBe(true);
    expect(Object.isFrozen(resolved)).toBe(true);
  });

  it('have the default where an option is given as undefined', () => {
    const names = Object.keys(resolve({ consumer: 'shipping' }));
    const given = { ...Object.fromEntries(names.map((name) => [name, undefined])), consumer: 'shipping' };
    const { countsAsAttempt, ...others } = resolve(given);
    expect(others).toMatchObject({ maxAttempts: 10, whileBusy: 'wait', retryDelaySeconds: 0 });
    expect(countsAsAttempt(undefined)).toBe(true);
  });

  it('carry what was given', () => {
    const given = {
      consumer: 'shipping',
      id: () => 'e1',
      withoutId: 'process',
      onReplay: 'process',
      whileBusy: 'refuse',
      maxAttempts: null,
      countsAsAttempt: () => false,
      retryTopic: 'orders.retry',
      retryDelaySeconds: 0.5,
    };
    expect(resolve(given)).toEqual(given);
  });

  it.each<[keyof InboxConsumerOptions, unknown[]]>([
    ['consumer', ['x', 'x'.repeat(255), '😀'.repeat(255), 'Shipping.ship', 'zwei Worte']],
    ['maxAttempts', [1, 10_000, null]],
    ['retryTopic', ['a', 'A.b_c-9', 'x'.repeat(249), '...']],
    ['retryDelaySeconds', [0, 0.001, 604_800]],
    ['withoutId', ['refuse', 'process']],
    ['onReplay', ['skip', 'process']],
    ['whileBusy', ['wait', 'refuse']],
  ])('may have as %s one of these', (name, values) => {
    for (const value of values) {
      expect(resolve({ consumer: 'shipping', [name]: value })).toHaveProperty(name, value);
    }
  });

  it.each<[keyof InboxConsumerOptions, unknown[], string]>([
    ['consumer', [undefined, null, '', 7, 'x'.repeat(256), 'a\0', '\ud83d'], 'a name of 1 to 255 characters'],
    ['id', [null, 'ce_id', 7], 'a function that takes a message and gives its id'],
    ['withoutId', [null, 'skip', true], '"refuse" or "process"'],
    ['onReplay', [null, 'refuse', true], '"skip" or "process"'],
    ['whileBusy', [null, 'skip', true], '"wait" or "refuse"'],
    ['maxAttempts', [0, -1, 1.5, 10_001, NaN, Infinity, '5'], 'null, or a whole number from 1 to 10000'],
    ['countsAsAttempt', [null, true, 'all'], 'a function that takes an error and says true or false'],
    ['retryTopic', [null, '', '.', '..', 'two words', 'ümlaut', 'x'.repeat(250), 7], 'a topic: 1 to 249 of'],
    ['retryDelaySeconds', [null, -1, 604_801, NaN, Infinity, '5'], 'a number of seconds from 0 to 604800'],
  ])('must not have as %s any of these', (name, values, allowed) => {
    for (const value of values) {
      expect({ value, faults: faultsOf({ consumer: 'shipping', [name]: value }) }).toEqual({
        value,
        faults: [expect.stringMatching(new RegExp(`^${name} is .+, and must be ${allowed}`))],
      });
    }
  });

  it('must not have an unknown name, and are told the one that was probably meant', () => {
    expect(faultsOf({ consumer: 'shipping', maxAttempt: 3 })).toEqual([
      '"maxAttempt" is not an option. Did you mean "maxAttempts"?',
    ]);
    expect(faultsOf({ consumer: 'shipping', zookeeper: undefined })).toEqual([
      expect.stringMatching(/^"zookeeper" is not an option\. The options are: consumer, id, withoutId, /),
    ]);
  });

  it.each(['toString', 'constructor'])('do not have %s because every object has it', (name) => {
    expect(faultsOf({ consumer: 'shipping', [name]: 1 })).toEqual([
      expect.stringContaining(`"${name}" is not an option`),
    ]);
  });

  it.each([undefined, null, 'shipping', 7])('must not be %p', (options) => {
    expect(faultsOf(options)).toEqual([expect.stringContaining('must be an object such as { consumer: "shipping" }')]);
  });

  it('are refused with every fault, each on a line of its own, and with whose they are', () => {
    const refuse = (): unknown => resolve({ maxAttempts: 0, onReplay: 'never', retries: 3 });
    expect(refuse).toThrow(InboxOptionsInvalidError);
    expect(refuse).toThrow(
      /^The options of Inbox\.process are not valid:\n {2}- "retries" .+\n {2}- consumer .+\n {2}- onReplay .+\n {2}- maxAttempts .+$/,
    );
    expect(refuse).toThrow(expect.objectContaining({ code: 'OUTBOX_INBOX_OPTIONS_INVALID' }) as Error);
  });

  it('are shown on one line, and shortened', () => {
    const [fault] = faultsOf({ consumer: `first\nsecond ${'x'.repeat(5000)}` });
    expect(fault).not.toContain('\n');
    expect(fault?.length).toBeLessThan(400);
  });
});
