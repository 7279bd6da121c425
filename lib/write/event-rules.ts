import { types } from 'node:util';
import { validate as isUuid } from 'uuid';
import { TOPIC_NAME } from '../config/topic-name';
import { OutboxArgumentInvalidError } from '../errors/event.errors';

/** Longest values, in characters, as the columns have them. */
const LONGEST = { aggregateType: 100, aggregateId: 255, eventType: 255, eventKey: 255 } as const;

/** An RFC 9110 field name: Kafka allows more, but other carriers of a CloudEvent do not. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,255}$/;

/** Set by the outbox itself. `ce_` is the prefix of CloudEvents' Kafka binding, section 3.2.3. */
const RESERVED_HEADER = /^(ce_.*|content-type|traceparent|tracestate|outbox-replay)$/i;

const MOST_HEADER_BYTES = 32_768;

/** Years of four digits, which PostgreSQL reads as JavaScript writes them; times before 1970 or far ahead come from a mistaken unit. */
const YEARS = { first: 1970, last: 9999 } as const;

const FIELDS = [
  'aggregateType',
  'aggregateId',
  'eventType',
  'topic',
  'eventData',
  'eventKey',
  'headers',
  'availableAt',
  'id',
];

/** Says what is wrong with every field but the data; each fault begins with the name of the field. */
export function* fieldFaults(event: Readonly<Record<string, unknown>>): Generator<string> {
  for (const name of Object.keys(event).filter((key) => !FIELDS.includes(key))) {
    yield `${name} is not a field of an event; the fields are ${FIELDS.join(', ')}`;
  }
  for (const name of ['aggregateType', 'aggregateId', 'eventType'] as const) {
    yield* textFaults(name, event[name], LONGEST[name]);
  }
  if (event['eventKey'] !== undefined) {
    yield* textFaults('eventKey', event['eventKey'], LONGEST.eventKey);
  }
  yield* topicFaults(event['topic']);
  yield* headerFaults(event['headers']);
  yield* availableAtFaults(event['availableAt']);
  yield* idFaults(event['id']);
}

function* textFaults(name: string, value: unknown, longest: number): Generator<string> {
  if (typeof value !== 'string') {
    yield `${name} is ${kindOf(value)}, and must be a string of 1 to ${longest} characters`;
  } else if (value === '') {
    yield `${name} is empty, and must have 1 to ${longest} characters`;
  } else if (value.includes('\0') || !value.isWellFormed()) {
    yield `${name} holds a NUL character or half of a surrogate pair, which PostgreSQL cannot store`;
  } else if (characters(value) > longest) {
    yield `${name} has ${characters(value)} characters, and must have at most ${longest}`;
  }
}

/** As PostgreSQL counts them in a varchar: code points, not UTF-16 units. */
function characters(value: string): number {
  return Array.from(value).length;
}

function* topicFaults(value: unknown): Generator<string> {
  if (typeof value !== 'string' || value === '') {
    yield `topic is ${kindOf(value)}, and must name a Kafka topic`;
  } else if (!TOPIC_NAME.test(value)) {
    yield `topic is ${JSON.stringify(value.slice(0, 80))}, and must be 1 to 249 of the characters a-z A-Z 0-9 . _ - and not "." or ".."`;
  }
}

function* headerFaults(headers: unknown): Generator<string> {
  if (headers === undefined) {
    return;
  }
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    yield `headers is ${kindOf(headers)}, and must be an object of strings by name`;
    return;
  }
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    const place = `headers[${JSON.stringify(name.slice(0, 80))}]`;
    if (!HEADER_NAME.test(name)) {
      yield `${place} is not a header name: use 1 to 255 letters, digits, or !#$%&'*+.^_\`|~-`;
    } else if (RESERVED_HEADER.test(name)) {
      yield `${place} is a header that the outbox sets itself (ce_*, content-type, traceparent, tracestate, outbox-replay); choose another name`;
    }
    if (typeof value !== 'string') {
      yield `${place} is ${kindOf(value)}, and must be a string`;
    } else if (value.includes('\0') || !value.isWellFormed()) {
      yield `${place} holds a NUL character or half of a surrogate pair`;
    } else {
      bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    }
  }
  if (bytes > MOST_HEADER_BYTES) {
    yield `headers have ${bytes} bytes together, and must have at most ${MOST_HEADER_BYTES}: put data into eventData`;
  }
}

function* availableAtFaults(value: unknown): Generator<string> {
  if (value === undefined) {
    return;
  }
  // A Date of another realm (a test runner's, a vm's) is a Date, too.
  if (!types.isDate(value)) {
    yield `availableAt is ${kindOf(value)}, and must be a Date; leave it out to deliver the event at once`;
  } else if (Number.isNaN(value.getTime())) {
    yield 'availableAt is an invalid Date';
  } else if (value.getUTCFullYear() < YEARS.first || value.getUTCFullYear() > YEARS.last) {
    yield `availableAt is in the year ${value.getUTCFullYear()}, and must be in one from ${YEARS.first} to ${YEARS.last}`;
  }
}

/** @throws OutboxArgumentInvalidError unless it is a UUID */
export function assertEventId(id: unknown): void {
  if (typeof id !== 'string' || !isUuid(id)) {
    throw new OutboxArgumentInvalidError(
      `getEventById was given ${JSON.stringify(id)}, and needs a UUID, as addEvent returns it.`,
    );
  }
}

function* idFaults(id: unknown): Generator<string> {
  if (id !== undefined && (typeof id !== 'string' || !isUuid(id))) {
    yield `id is ${typeof id === 'string' ? JSON.stringify(id.slice(0, 80)) : kindOf(id)}, and must be a UUID; leave it out to get a new one`;
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) {
    return 'missing';
  }
  if (value === '') {
    return 'empty';
  }
  return value === null ? 'null' : `of type ${Array.isArray(value) ? 'array' : typeof value}`;
}
