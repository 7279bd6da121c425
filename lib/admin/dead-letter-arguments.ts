import { validate as isUuid } from 'uuid';
import { closestName } from '../config/closest-name';
import { OutboxArgumentInvalidError } from '../errors/event.errors';
import type { DeadLetterSearch } from '../store/find-dead-letters';
import type { InboxDeadLetterSearch } from '../store/inbox-dead-letters';

const MOST_IDS = 1000;
const MOST_OF_A_PAGE = 1000;
const GREATEST_SEQ = 2n ** 63n - 1n;

/** What to look for. */
export function searchOf(query: unknown): DeadLetterSearch {
  const given = partsOf(query, ['after', 'limit', 'topic', 'eventKey', 'eventType']);
  return {
    after: afterOf(given['after']),
    limit: limitOf(given['limit']),
    topic: filterOf('topic', given['topic']),
    eventKey: filterOf('eventKey', given['eventKey']),
    eventType: filterOf('eventType', given['eventType']),
  };
}

/** The same for the dead letters of the inbox. */
export function inboxSearchOf(query: unknown): InboxDeadLetterSearch {
  const given = partsOf(query, ['after', 'limit', 'consumer']);
  return {
    after: afterOf(given['after']),
    limit: limitOf(given['limit']),
    consumer: filterOf('consumer', given['consumer']),
  };
}

/** The number of a dead letter of the inbox. */
export function seqOf(method: string, seq: unknown): string {
  if (!isSeq(seq)) {
    throw new OutboxArgumentInvalidError(
      `${method} was given ${shown(seq)}, and needs the "seq" of a dead letter, as list gives it.`,
    );
  }
  return seq;
}

/** The id in lower case, as PostgreSQL gives it back. */
export function idOf(method: string, id: unknown): string {
  if (typeof id !== 'string' || !isUuid(id)) {
    throw new OutboxArgumentInvalidError(
      `${method} was given ${shown(id)}, and needs the id of a dead letter, which is a UUID.`,
    );
  }
  return id.toLowerCase();
}

/** The ids, each once. */
export function idsOf(method: string, ids: unknown): string[] {
  if (!Array.isArray(ids)) {
    throw new OutboxArgumentInvalidError(`${method} was given ${shown(ids)}, and needs a list of ids.`);
  }
  if (ids.length > MOST_IDS) {
    throw new OutboxArgumentInvalidError(`${method} was given ${ids.length} ids, and takes at most ${MOST_IDS}.`);
  }
  return [...new Set(ids.map((id) => idOf(method, id)))];
}

export function keyOf(method: string, eventKey: unknown): string {
  if (!isText(eventKey)) {
    throw new OutboxArgumentInvalidError(`${method} was given ${shown(eventKey)}, and needs an ordering key.`);
  }
  return eventKey;
}

/** An unknown name is refused: a misspelt filter would list, and let an operator discard, all there is. */
function partsOf(query: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof query !== 'object' || query === null) {
    throw new OutboxArgumentInvalidError(`list was given ${shown(query)}, and needs an object, or nothing.`);
  }
  const given: Readonly<Record<string, unknown>> = { ...query };
  for (const name of Object.keys(given).filter((each) => !names.includes(each))) {
    const closest = closestName(name, names);
    throw new OutboxArgumentInvalidError(
      `list was given ${shown(name)}, which is not a part of the query${closest === undefined ? '' : `; "${closest}" is`}.`,
    );
  }
  return given;
}

function afterOf(after: unknown): string {
  if (after === undefined || after === null) {
    return '0';
  }
  if (!isSeq(after)) {
    throw new OutboxArgumentInvalidError(
      `list was given ${shown(after)} as "after", and needs the "next" of another page.`,
    );
  }
  return after;
}

function isSeq(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,19}$/.test(value) && BigInt(value) <= GREATEST_SEQ;
}

function limitOf(limit: unknown = 100): number {
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > MOST_OF_A_PAGE) {
    throw new OutboxArgumentInvalidError(
      `list was given the limit ${shown(limit)}, and needs a whole number from 1 to ${MOST_OF_A_PAGE}.`,
    );
  }
  return limit;
}

function filterOf(name: string, value: unknown): string | null {
  if (value === undefined) {
    return null;
  }
  if (!isText(value)) {
    throw new OutboxArgumentInvalidError(
      `list was given ${shown(value)} as "${name}", and needs a text that is not empty.`,
    );
  }
  return value;
}

/** Whether a column can hold it: PostgreSQL takes no NUL, and half of a surrogate pair would become another character. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0') && value.isWellFormed();
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value);
}
