import { runInNewContext } from 'node:vm';
import { fieldFaults } from '../../../../lib/write/event-rules';
import { anEvent, anEventWithout } from '../support/an-event';

/** One character, two units of UTF-16, four bytes of UTF-8. */
const ASTRAL = '\u{1F4E6}';
const LONE_HIGH = 'x\ud83d';
const LONE_LOW = '\udce6x';

function faultsOf(changes: Readonly<Record<string, unknown>>): string[] {
  return [...fieldFaults({ ...anEvent(), ...changes })];
}

describe('an event without fault', () => {
  it('has none', () => {
    expect(faultsOf({})).toEqual([]);
    expect(faultsOf({ eventKey: 'k', headers: { tenant: 'a' }, id: '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70' })).toEqual(
      [],
    );
  });

  it.each(['eventKey', 'headers', 'availableAt', 'id'])('may have %s undefined, as if it were not there', (name) => {
    expect(faultsOf({ [name]: undefined })).toEqual([]);
  });
});

describe.each([
  ['aggregateType', 100],
  ['aggregateId', 255],
  ['eventType', 255],
  ['eventKey', 255],
] as const)('%s', (name, longest) => {
  it('may have from one character to as many as its column holds', () => {
    expect(faultsOf({ [name]: 'x' })).toEqual([]);
    expect(faultsOf({ [name]: 'x'.repeat(longest) })).toEqual([]);
  });

  it('must not be longer', () => {
    expect(faultsOf({ [name]: 'x'.repeat(longest + 1) })).toEqual([
      `${name} has ${longest + 1} characters, and must have at most ${longest}`,
    ]);
  });

  it('is counted in characters, as PostgreSQL counts: one outside the basic plane is one', () => {
    expect(faultsOf({ [name]: ASTRAL.repeat(longest) })).toEqual([]);
    expect(faultsOf({ [name]: ASTRAL.repeat(longest + 1) })).toEqual([
      `${name} has ${longest + 1} characters, and must have at most ${longest}`,
    ]);
  });

  it('must not be empty', () => {
    expect(faultsOf({ [name]: '' })).toEqual([`${name} is empty, and must have 1 to ${longest} characters`]);
  });

  it.each([
    [null, 'null'],
    [7, 'of type number'],
    [{}, 'of type object'],
    [['a'], 'of type array'],
    [Symbol('s'), 'of type symbol'],
  ])('must be a string, not %p', (value, shown) => {
    expect(faultsOf({ [name]: value })).toEqual([
      `${name} is ${shown}, and must be a string of 1 to ${longest} characters`,
    ]);
  });

  it.each([
    ['a NUL character', 'a\0b'],
    ['the first half of a surrogate pair', LONE_HIGH],
    ['the second half of a surrogate pair', LONE_LOW],
  ])('must not hold %s', (_what, value) => {
    expect(faultsOf({ [name]: value })).toEqual([
      `${name} holds a NUL character or half of a surrogate pair, which PostgreSQL cannot store`,
    ]);
  });

  it('may hold any other character', () => {
    expect(faultsOf({ [name]: 'Ünï cödé\t"\'\\;-- \u0001' })).toEqual([]);
  });
});

describe('a field that is needed', () => {
  it.each([
    ['aggregateType', 'aggregateType is missing, and must be a string of 1 to 100 characters'],
    ['aggregateId', 'aggregateId is missing, and must be a string of 1 to 255 characters'],
    ['eventType', 'eventType is missing, and must be a string of 1 to 255 characters'],
    ['topic', 'topic is missing, and must name a Kafka topic'],
  ] as const)('is missed: %s', (name, fault) => {
    expect([...fieldFaults({ ...anEventWithout(name) })]).toEqual([fault]);
    expect(faultsOf({ [name]: undefined })).toEqual([fault]);
  });
});

describe('topic', () => {
  it.each(['a', 'orders', 'orders.v1_2-3', '...', '._-', 'A'.repeat(249), '0'])('may be %s', (topic) => {
    expect(faultsOf({ topic })).toEqual([]);
  });

  it.each(['.', '..', 'A'.repeat(250), 'two words', 'orders/v1', 'Größe', 'a\n', '\0', ASTRAL])(
    'must not be %j',
    (topic) => {
      expect(faultsOf({ topic })).toEqual([
        `topic is ${JSON.stringify(topic.slice(0, 80))}, and must be 1 to 249 of the characters a-z A-Z 0-9 . _ - and not "." or ".."`,
      ]);
    },
  );

  it.each([
    ['', 'empty'],
    [null, 'null'],
    [7, 'of type number'],
  ])('must name a topic, not be %p', (topic, shown) => {
    expect(faultsOf({ topic })).toEqual([`topic is ${shown}, and must name a Kafka topic`]);
  });
});

describe('headers', () => {
  it('may be empty, and may have empty values', () => {
    expect(faultsOf({ headers: {} })).toEqual([]);
    expect(faultsOf({ headers: { tenant: '' } })).toEqual([]);
  });

  it.each([
    [null, 'null'],
    [['a'], 'of type array'],
    ['a: b', 'of type string'],
    [7, 'of type number'],
  ])('must be an object, not %j', (headers, shown) => {
    expect(faultsOf({ headers })).toEqual([`headers is ${shown}, and must be an object of strings by name`]);
  });

  it.each([
    'X-Tenant',
    'a',
    "!#$%&'*+.^_`|~-",
    '9',
    'h'.repeat(255),
    'ce',
    'cex',
    'x-ce_id',
    'content-types',
    'my-traceparent',
  ])('may be named %s', (name) => {
    expect(faultsOf({ headers: { [name]: 'v' } })).toEqual([]);
  });

  it.each(['', 'two words', 'a:b', 'a\0', 'ü', '(a)', 'h'.repeat(256), 'a\n', ASTRAL])(
    'must not be named %j',
    (name) => {
      expect(faultsOf({ headers: { [name]: 'v' } })).toEqual([
        `headers[${JSON.stringify(name.slice(0, 80))}] is not a header name: use 1 to 255 letters, digits, or !#$%&'*+.^_\`|~-`,
      ]);
    },
  );

  it.each([
    'ce_id',
    'CE_ID',
    'Ce_Anything',
    'ce_',
    'content-type',
    'Content-Type',
    'traceparent',
    'TraceParent',
    'tracestate',
    'outbox-replay',
    'Outbox-Replay',
  ])('must not be named %s, which the outbox sets itself', (name) => {
    expect(faultsOf({ headers: { [name]: 'v' } })).toEqual([
      expect.stringMatching(
        new RegExp(`^headers\\["${name}"\\] is a header that the outbox sets itself .*choose another name$`),
      ),
    ]);
  });

  it.each([
    [undefined, 'missing'],
    [null, 'null'],
    [7, 'of type number'],
    [['a'], 'of type array'],
    [Buffer.from('a'), 'of type object'],
  ])('must have strings as values, not %p', (value, shown) => {
    expect(faultsOf({ headers: { tenant: value } })).toEqual([`headers["tenant"] is ${shown}, and must be a string`]);
  });

  it.each(['a\0', LONE_HIGH, LONE_LOW])('must not have the value %j', (value) => {
    expect(faultsOf({ headers: { tenant: value } })).toEqual([
      'headers["tenant"] holds a NUL character or half of a surrogate pair',
    ]);
  });

  it('may have 32768 bytes together, names included, and no more', () => {
    const rest = 32_768 - 'a'.length - 'b'.length - 10;
    expect(faultsOf({ headers: { a: 'x'.repeat(10), b: 'x'.repeat(rest) } })).toEqual([]);
    expect(faultsOf({ headers: { a: 'x'.repeat(10), b: 'x'.repeat(rest + 1) } })).toEqual([
      'headers have 32769 bytes together, and must have at most 32768: put data into eventData',
    ]);
  });

  it('are counted in bytes, not in characters', () => {
    expect(faultsOf({ headers: { a: ASTRAL.repeat(8191) } })).toEqual([]);
    expect(faultsOf({ headers: { a: ASTRAL.repeat(8192) } })).toEqual([
      expect.stringMatching(/^headers have 32769 bytes/),
    ]);
  });

  it('have each of their faults named', () => {
    expect(faultsOf({ headers: { ce_id: 7, 'a b': '\0' } }).map((fault) => fault.slice(0, 25))).toEqual([
      'headers["ce_id"] is a hea',
      'headers["ce_id"] is of ty',
      'headers["a b"] is not a h',
      'headers["a b"] holds a NU',
    ]);
  });

  it('do not show their values', () => {
    expect(faultsOf({ headers: { authorization: 'secret\0' } }).join()).not.toContain('secret');
  });
});

describe('availableAt', () => {
  it.each(['1970-01-01T00:00:00.000Z', '2030-06-01T12:00:00.123Z', '9999-12-31T23:59:59.999Z'])('may be %s', (time) => {
    expect(faultsOf({ availableAt: new Date(time) })).toEqual([]);
  });

  it('may be a Date of another realm', () => {
    expect(faultsOf({ availableAt: runInNewContext('new Date()') as unknown })).toEqual([]);
  });

  it.each([
    ['1969-12-31T23:59:59.999Z', 1969],
    ['+010000-01-01T00:00:00.000Z', 10_000],
    ['+275760-09-13T00:00:00.000Z', 275_760],
    ['-000001-01-01T00:00:00.000Z', -1],
  ])('must not be %s', (time, year) => {
    expect(faultsOf({ availableAt: new Date(time) })).toEqual([
      `availableAt is in the year ${year}, and must be in one from 1970 to 9999`,
    ]);
  });

  it('must be a valid Date', () => {
    expect(faultsOf({ availableAt: new Date('tomorrow') })).toEqual(['availableAt is an invalid Date']);
  });

  it.each([
    [null, 'null'],
    ['2030-06-01T12:00:00Z', 'of type string'],
    [1_900_000_000_000, 'of type number'],
    [{}, 'of type object'],
  ])('must be a Date, not %p', (availableAt, shown) => {
    expect(faultsOf({ availableAt })).toEqual([
      `availableAt is ${shown}, and must be a Date; leave it out to deliver the event at once`,
    ]);
  });
});

describe('id', () => {
  it.each([
    '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70',
    '0198C5A4-6F2B-7C3E-8A1D-2B3C4D5E6F70',
    '1b4e28ba-2fa1-41d2-883f-0016d3cca427',
    '00000000-0000-0000-0000-000000000000',
  ])('may be the UUID %s', (id) => {
    expect(faultsOf({ id })).toEqual([]);
  });

  it.each([
    '',
    '4711',
    '0198c5a46f2b7c3e8a1d2b3c4d5e6f70',
    '{0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70}',
    '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70\n',
  ])('must not be %j', (id) => {
    expect(faultsOf({ id })).toEqual([
      `id is ${JSON.stringify(id)}, and must be a UUID; leave it out to get a new one`,
    ]);
  });

  it.each([
    [null, 'null'],
    [7, 'of type number'],
  ])('must not be %p', (id, shown) => {
    expect(faultsOf({ id })).toEqual([`id is ${shown}, and must be a UUID; leave it out to get a new one`]);
  });
});

describe('a field that events do not have', () => {
  it('is refused with the names of those that they have', () => {
    expect(faultsOf({ payload: {} })).toEqual([
      'payload is not a field of an event; the fields are aggregateType, aggregateId, eventType, topic, eventData, eventKey, headers, availableAt, id',
    ]);
  });
});

describe('an event with several faults', () => {
  it('has all of them named', () => {
    const faults = faultsOf({
      extra: 1,
      aggregateType: '',
      aggregateId: 7,
      eventType: null,
      eventKey: '',
      topic: '..',
      headers: 7,
      availableAt: 7,
      id: 'x',
    });
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'extra',
      'aggregateType',
      'aggregateId',
      'eventType',
      'eventKey',
      'topic',
      'headers',
      'availableAt',
      'id',
    ]);
  });
});
