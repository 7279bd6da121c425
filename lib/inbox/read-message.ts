import type { InboxMessage, InboxPayload } from '../interfaces/inbox-message';
import type { StoredMessage } from '../store/record-failed-message';

/** A record as the inbox sees it, from whatever has received it. */
export function readMessage({ topic, partition, message }: InboxPayload): InboxMessage {
  const { key, value, headers, offset, timestamp } = message;
  const texts: Record<string, string> = {};
  for (const name in headers) {
    // kafkajs gives a list where a header stands twice; any other one is what Nest's transport has made of JSON.
    const header: unknown = headers[name];
    const first: unknown = Array.isArray(header) && header.every((one) => Buffer.isBuffer(one)) ? header[0] : header;
    if (first !== null && first !== undefined) {
      const text = textOf(first);
      // A NUL is nothing that PostgreSQL stores.
      texts[name] = text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
    }
  }
  return {
    topic,
    partition,
    offset,
    key: key === null || key === undefined ? null : Buffer.isBuffer(key) ? key : textOf(key),
    value: value ?? null,
    headers: texts,
    // Kafka gives -1 where it has none.
    timestamp: Math.max(0, Number(timestamp ?? 0)),
  };
}

/** Where a message stands, for messages to people. */
export function placeOf({ topic, partition, offset }: InboxMessage): string {
  return `${topic}[${partition}] offset ${offset}`;
}

/** As it goes to the dead letters. */
export function toStored(message: InboxMessage): StoredMessage {
  return { ...message, key: bytesOf(message.key), value: bytesOf(message.value) };
}

function bytesOf(value: unknown): Buffer | null {
  return value === null ? null : Buffer.isBuffer(value) ? value : Buffer.from(textOf(value));
}

/** Nest's transport parses what looks like JSON. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString() : JSON.stringify(value);
}
