import { messageOf } from '../errors/message-of';

/** Whose fault a failed send is: a message's own, that of a topic, or that of a broker that cannot be reached or is not ready. */
export interface SendFailure {
  readonly fault: 'message' | 'topic' | 'broker';
  readonly reason: string;
}

/**
 * Error types of the Kafka protocol that trying again does not cure, as they are about what was sent. All others (connections, time-outs,
 * moving leaders, missing replicas, authentication) are about the broker: to take one of these for the event's fault would send
 * good events to the dead, the other way round merely delays.
 */
const MESSAGE_FAULTS = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'CORRUPT_MESSAGE',
  'POLICY_VIOLATION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
]);

const TOPIC_FAULTS = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'TOPIC_AUTHORIZATION_FAILED']);

/**
 * What brokers answer while a topic is created: no metadata yet, metadata without a leader yet, and last, for a moment, a leader that has not
 * yet heard that it is one.
 */
const IN_CREATION = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION']);

/** Whether the topic may be about to exist, as the broker creates unknown ones. */
export function mayBeInCreation(error: unknown): boolean {
  return IN_CREATION.has(protocolType(error) ?? '');
}

const MOST_NESTED = 10;

export function sendFailure(error: unknown): SendFailure {
  const type = protocolType(error);
  const message = messageOf(error);
  const reason = type === undefined || message.includes(type) ? message : `${type}: ${message}`;
  if (type !== undefined && MESSAGE_FAULTS.has(type)) {
    return { fault: 'message', reason };
  }
  if (type !== undefined && TOPIC_FAULTS.has(type)) {
    return { fault: 'topic', reason };
  }
  return { fault: 'broker', reason };
}

/** kafkajs wraps the protocol's error in up to two of its own. */
function protocolType(error: unknown): string | undefined {
  let cause = error as { type?: unknown; cause?: unknown } | null | undefined;
  for (let depth = 0; depth < MOST_NESTED && typeof cause === 'object' && cause !== null; depth++) {
    if (typeof cause.type === 'string') {
      return cause.type;
    }
    cause = cause.cause as typeof cause;
  }
  return undefined;
}
