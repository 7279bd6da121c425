import { createHash } from 'node:crypto';
import { InboxMessageIdMissingError } from '../errors/inbox.errors';
import { messageOf } from '../errors/message-of';
import type { InboxConsumerOptions, InboxMessage } from '../interfaces/inbox-message';
import type { MessageKey } from '../store/claim-messages';
import { placeOf } from './read-message';

const LONGEST_ID = 255;

/**
 * What the message is known by; null if it has no id, and is handled all the same.
 *
 * The id is that of CloudEvents' Kafka binding (`ce_id`), else that of Debezium's outbox router (`id`), else the consumer's own.
 *
 * @throws InboxMessageIdMissingError
 */
export function keyOf(
  message: InboxMessage,
  { id: extract, withoutId, onReplay }: Pick<InboxConsumerOptions, 'id' | 'withoutId' | 'onReplay'>,
): MessageKey | null {
  const { ce_id: cloudEventId, id: debeziumId, 'outbox-replay': replayId = '' } = message.headers;
  const id = cloudEventId ?? debeziumId ?? (extract === undefined ? undefined : extracted(message, extract));
  if (id === undefined || id === '') {
    if (withoutId === 'process') {
      return null;
    }
    throw new InboxMessageIdMissingError(placeOf(message));
  }
  if (typeof id !== 'string' || !fits(id) || !fits(replayId)) {
    throw new InboxMessageIdMissingError(placeOf(message), `what it has is no text of 1 to ${LONGEST_ID} characters`);
  }
  return { messageId: id, replayId: onReplay === 'process' ? replayId : '' };
}

function extracted(message: InboxMessage, extract: NonNullable<InboxConsumerOptions['id']>): string | undefined {
  try {
    return extract(message);
  } catch (error) {
    const why = `the option "id" has failed for it (${messageOf(error)})`;
    throw new InboxMessageIdMissingError(placeOf(message), why, { cause: error });
  }
}

/** Names longer than that would leave no room in the column. */
const LONGEST_TOPIC = 180;

/** What attempts are counted by where the message itself has no id. With its time: of a topic that was made anew the offsets begin anew. */
export function keyOfPlace({ topic, partition, offset, timestamp }: InboxMessage): MessageKey {
  const name = topic.length > LONGEST_TOPIC ? createHash('sha256').update(topic).digest('hex') : topic;
  return { messageId: `${name}[${partition}]@${offset}/${timestamp}`, replayId: '' };
}

/** Whether the message stands in the retry topic since another consumer has given it up, and is that one's affair. */
export function isForAnother(
  { topic, headers }: InboxMessage,
  { consumer, retryTopic }: Pick<InboxConsumerOptions, 'consumer' | 'retryTopic'>,
): boolean {
  return topic === retryTopic && (headers['inbox-consumer'] ?? consumer) !== consumer;
}

function fits(text: string): boolean {
  return (
    (text.length <= LONGEST_ID || Array.from(text).length <= LONGEST_ID) && !text.includes('\0') && text.isWellFormed()
  );
}
