import { messageOf } from '../errors/message-of';

/** The text, or why there is none. */
export type JsonText = { readonly text: string } | { readonly fault: string };

/**
 * `JSON.stringify`, but where that would drop or change a value without a word (NaN, a function, a Map, undefined in a list), it
 * says so: a consumer would get something else than the producer meant.
 *
 * Properties that are undefined are left out, as everybody expects of optional properties.
 */
export function jsonText(data: unknown): JsonText {
  const faults: string[] = [];
  try {
    const text = JSON.stringify(data, function (this: unknown, key: string, value: unknown) {
      // `this[key]` is the value before its toJSON() was called.
      const fault = lossOf((this as Readonly<Record<string, unknown>>)[key], value, this);
      if (fault !== undefined) {
        faults.push(`${key === '' ? 'it' : `its property ${JSON.stringify(key)}`} ${fault}`);
        return null;
      }
      return value;
    }) as string | undefined;
    const [first] = faults;
    if (first !== undefined || text === undefined) {
      return { fault: first ?? 'it is undefined' };
    }
    return { text };
  } catch (error) {
    // A circular structure, a toJSON() that throws, or one nested too deep: the engine's own message names the place.
    return { fault: messageOf(error).split('\n').join(' ') };
  }
}

/** What JSON turns into `{}`. */
const EMPTIED = [Map, Set, WeakMap, WeakSet, Error, RegExp, ArrayBuffer, WeakRef] as const;

function lossOf(original: unknown, value: unknown, holder: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? undefined : `is ${value}`;
    case 'bigint':
      return 'is a BigInt; convert it to a string';
    case 'function':
    case 'symbol':
      return `is a ${typeof value}`;
    case 'undefined':
      return Array.isArray(holder) ? 'is undefined in a list; use null' : undefined;
    case 'object':
      return lossOfObject(original, value);
    default:
      return undefined;
  }
}

function lossOfObject(original: unknown, value: object | null): string | undefined {
  if (original instanceof Date && value === null) {
    return 'is an invalid Date';
  }
  if (value instanceof Promise) {
    return 'is a Promise; is an await missing?';
  }
  if (EMPTIED.some((type) => value instanceof type)) {
    return `is a ${(value as object).constructor.name}, which JSON turns into {}; convert it first`;
  }
  return undefined;
}
