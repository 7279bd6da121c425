import type { OutboxMessage, PublishOutcome, PublishResult } from '../interfaces/outbox-publisher';
import type { SendFailure } from './kafka-errors';
import { requestChunks } from './request-chunks';

/** Sends a request; undefined means that the broker has acknowledged all of it. */
export type SendRequest = (messages: readonly OutboxMessage[]) => Promise<SendFailure | undefined>;

const PUBLISHED: PublishOutcome = { status: 'published' };
const RETRY: PublishOutcome = { status: 'retry' };

/**
 * Sends a batch and finds out what became of each message. A request that fails for something in it is halved until the culprit stands
 * alone; the halves go one after the other, without the keys that have just failed. A failed request may have been written in part, so
 * that the halves may repeat records: consumers recognise them by their id.
 */
export async function sendBatch(batch: readonly OutboxMessage[], send: SendRequest): Promise<PublishResult> {
  const outcomes = new Map<OutboxMessage, PublishOutcome>();
  const failedKeys = new Set<string>();
  let unavailable: string | undefined;

  const reject = (message: OutboxMessage, reason: string): void => {
    if (!failedKeys.has(message.key)) {
      failedKeys.add(message.key);
      outcomes.set(message, { status: 'rejected', reason });
    }
  };
  const sendPart = async (part: readonly OutboxMessage[]): Promise<void> => {
    const messages = part.filter(({ key }) => !failedKeys.has(key));
    if (messages.length === 0 || unavailable !== undefined) {
      return;
    }
    const failure = await send(messages);
    if (failure === undefined) {
      messages.forEach((message) => outcomes.set(message, PUBLISHED));
    } else if (failure.fault === 'broker' || failure.fault === 'creation') {
      unavailable = failure.reason;
    } else if (messages.length === 1 || (failure.fault === 'topic' && hasOneTopic(messages))) {
      messages.forEach((message) => reject(message, failure.reason));
    } else {
      const half = Math.ceil(messages.length / 2);
      await sendPart(messages.slice(0, half));
      await sendPart(messages.slice(half));
    }
  };

  for (const chunk of requestChunks(batch)) {
    await sendPart(chunk);
  }
  const result = { outcomes: batch.map((message) => outcomes.get(message) ?? RETRY) };
  return unavailable === undefined ? result : { ...result, unavailable };
}

function hasOneTopic(messages: readonly OutboxMessage[]): boolean {
  return messages.every(({ topic }) => topic === messages[0]?.topic);
}
