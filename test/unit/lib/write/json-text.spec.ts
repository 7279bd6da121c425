import fc from 'fast-check';
import { jsonText } from '../../../../lib/write/json-text';

function faultOf(data: unknown): string | undefined {
  const json = jsonText(data);
  return 'fault' in json ? json.fault : undefined;
}

function textOf(data: unknown): string | undefined {
  const json = jsonText(data);
  return 'text' in json ? json.text : undefined;
}

describe('the JSON text', () => {
  it('is that of JSON.stringify for ordinary data', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (data) => {
        expect(jsonText(data)).toEqual({ text: JSON.stringify(data) });
      }),
    );
  });

  it('is that of JSON.stringify for objects with dates and properties that are undefined', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.date({ noInvalidDate: true }),
      fc.constant(null),
      fc.boolean(),
    );
    const data = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('node')),
        fc.dictionary(fc.string(), fc.option(tie('node'), { nil: undefined })),
      ),
    })).node;
    fc.assert(
      fc.property(data, (value) => {
        expect(jsonText(value)).toEqual({ text: JSON.stringify(value) });
      }),
    );
  });

  it('leaves out properties that are undefined, as everybody expects of optional ones', () => {
    expect(textOf({ a: undefined, b: { c: undefined } })).toBe('{"b":{}}');
  });

  it('takes what toJSON() gives', () => {
    class Money {
      constructor(private readonly cents: number) {}
      toJSON(key: string): string {
        return `${key}:${this.cents}`;
      }
    }
    expect(textOf({ price: new Money(12) })).toBe('{"price":"price:12"}');
    expect(textOf(new Date(0))).toBe('"1970-01-01T00:00:00.000Z"');
    expect(textOf({ big: Object.assign(new Map(), { toJSON: () => [1] }) })).toBe('{"big":[1]}');
  });

  it('keeps characters that need escapes', () => {
    expect(textOf('"\\\n\u2028\0\ud83d')).toBe('"\\"\\\\\\n\u2028\\u0000\\ud83d"');
  });
});

describe('what JSON would drop or change without a word', () => {
  const losses: readonly (readonly [string, unknown, string])[] = [
    ['NaN', NaN, 'is NaN'],
    ['Infinity', Infinity, 'is Infinity'],
    ['-Infinity', -Infinity, 'is -Infinity'],
    ['a BigInt', 1n, 'is a BigInt; convert it to a string'],
    ['a function', () => 1, 'is a function'],
    ['a symbol', Symbol('s'), 'is a symbol'],
    ['a Map', new Map([[1, 2]]), 'is a Map, which JSON turns into {}; convert it first'],
    ['a Set', new Set([1]), 'is a Set, which JSON turns into {}; convert it first'],
    ['a WeakMap', new WeakMap(), 'is a WeakMap, which JSON turns into {}; convert it first'],
    ['a WeakSet', new WeakSet(), 'is a WeakSet, which JSON turns into {}; convert it first'],
    ['a Promise', Promise.resolve(1), 'is a Promise; is an await missing?'],
    ['an invalid Date', new Date(NaN), 'is an invalid Date'],
  ];

  describe.each(losses)('%s', (_what, value, fault) => {
    it('is a fault by itself', () => {
      expect(faultOf(value)).toBe(`it ${fault}`);
    });

    it('is a fault as a property, which is named', () => {
      expect(faultOf({ fine: 1, amount: value })).toBe(`its property "amount" ${fault}`);
    });

    it('is a fault in a list, which is named by its place', () => {
      expect(faultOf([0, value])).toBe(`its property "1" ${fault}`);
    });

    it('is a fault deep inside', () => {
      expect(faultOf({ a: [{ b: { amount: value } }] })).toBe(`its property "amount" ${fault}`);
    });
  });

  // A Date that toJSON() gives is not asked for its own toJSON(), so it is not among these.
  it.each(losses.filter(([, value]) => !(value instanceof Date)))(
    'is %s that toJSON() gives',
    (_what, value, fault) => {
      expect(faultOf({ amount: { toJSON: () => value } })).toBe(`its property "amount" ${fault}`);
    },
  );

  it('is undefined in a list', () => {
    expect(faultOf([1, undefined])).toBe('its property "1" is undefined in a list; use null');
    // eslint-disable-next-line no-sparse-arrays -- a hole is what is tested
    expect(faultOf({ list: [1, , 2] })).toBe('its property "1" is undefined in a list; use null');
  });

  it('is undefined as a whole', () => {
    expect(faultOf(undefined)).toBe('it is undefined');
    expect(faultOf({ toJSON: () => undefined })).toBe('it is undefined');
  });

  it('is a cycle', () => {
    const circular: Record<string, unknown> = { name: 'a' };
    circular['self'] = circular;
    expect(faultOf(circular)).toMatch(/circular/i);
    expect(faultOf(circular)).not.toContain('\n');
  });

  it('is what cannot be read', () => {
    const throwing = {
      toJSON: () => {
        throw new Error('no text\nfor me');
      },
    };
    expect(faultOf({ throwing })).toBe('no text for me');
  });

  it('is an object that is nested too deep for the stack', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 200_000; depth++) {
      deep = [deep];
    }
    expect(faultOf(deep)).toMatch(/stack/i);
  });

  it('is told of by its first place only', () => {
    expect(faultOf({ a: NaN, b: 1n })).toBe('its property "a" is NaN');
  });

  it('does not become text in part', () => {
    expect(textOf({ a: 1, b: NaN })).toBeUndefined();
  });
});
