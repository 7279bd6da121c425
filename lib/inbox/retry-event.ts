import { isUtf8 } from 'node:buffer';
import type { InboxMessage } from '../interfaces/inbox-message';
import type { OutboxEvent } from '../interfaces/outbox-event';
import { toStored } from './read-message';

/** What is known of a message that goes to a retry topic. */
export interface RetriedMessage {
  readonly consumer: string;
  readonly messageId: string;
  readonly topic: string;
  readonly delaySeconds: number;
  readonly reason: string;
}

/** An event whose data is JSON text already. */
export interface TextEvent {
  readonly event: Omit<OutboxEvent, 'eventData'>;
  readonly json: string;
}

/** Set by the outbox for each event, or by Kafka's own tools. */
const NOT_CARRIED_ON = /^(ce_.*|content-type|traceparent|tracestate|outbox-replay|inbox-.*|id)$/i;

const LONGEST_REASON = 500;

/**
 * The event that carries a message to the retry topic: the same value, byte for byte, and the same key, under an id of its own, since the message's own one is known
 * as handled. Null if the outbox cannot carry it, as its value is no JSON or none at all, or its key is no text.
 */
export function retryEventOf(message: InboxMessage, retried: RetriedMessage, now: Date): TextEvent | null {
  const { key: keyBytes, value } = toStored(message);
  if (value === null || !isUtf8(value) || !isJson(value.toString()) || (keyBytes !== null && !isUtf8(keyBytes))) {
    return null;
  }
  const { ce_type: type, ce_subject: subject } = message.headers;
  const key = keyBytes?.toString();
  const aggregateId = filled(subject) ?? filled(key) ?? retried.messageId;
  const carried = Object.entries(message.headers).filter(([name]) => !NOT_CARRIED_ON.test(name));
  return {
    event: {
      aggregateType: 'inbox-retry',
      aggregateId,
      eventType: filled(type) ?? 'InboxRetry',
      topic: retried.topic,
      eventKey: filled(key) ?? aggregateId,
      headers: {
        ...Object.fromEntries(carried),
        // Those of the first topic, if it was retried before.
        'inbox-message-id': message.headers['inbox-message-id'] ?? retried.messageId,
        'inbox-topic': message.headers['inbox-topic'] ?? message.topic,
        'inbox-consumer': asHeader(retried.consumer),
        'inbox-reason': asHeader(retried.reason),
      },
      ...(retried.delaySeconds === 0 ? {} : { availableAt: new Date(now.getTime() + retried.delaySeconds * 1000) }),
    },
    json: value.toString(),
  };
}

function filled(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function asHeader(text: string): string {
  return text.slice(0, LONGEST_REASON).replaceAll('\0', ' ').toWellFormed();
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    // PostgreSQL's type json takes any text that has no NUL; an escaped one is text like any other.
    return !text.includes('\0');
  } catch {
    return false;
  }
}
