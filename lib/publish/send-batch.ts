import type { OutboxMessage, PublishContext, PublishOutcome, PublishResult } from '../interfaces/outbox-publisher';
import type { SendFailure } from './kafka-errors';
import { requestChunks } from './request-chunks';

/** What became of a request: undefined means that the broker has acknowledged all of it; `stopped`, that the relay did not let it begin. */
export type SendResult = SendFailure | 'stopped' | undefined;
export type SendRequest = (messages: readonly OutboxMessage[]) => Promise<SendResult>;

const PUBLISHED: PublishOutcome = { status: 'published' };
const RETRY: PublishOutcome = { status: 'retry' };

/**
 * Sends a batch and finds out what became of each message. A request that fails for one of its topics is sent topic by topic (halving took a request
 * for nearly every message), one that fails for a message is halved until the culprit stands alone; the parts go one after the other, without
 * the keys that have just failed. A failed request may have been written in part, so
 * that the halves may repeat records: consumers recognise them by their id. The relay is asked before each request whether it may begin.
 */
export async function sendBatch(
  batch: readonly OutboxMessage[],
  send: SendRequest,
  context: PublishContext,
): Promise<PublishResult> {
  const outcomes = new Map<OutboxMessage, PublishOutcome>();
  const failedKeys = new Set<string>();
  let unavailable: string | undefined;
  // For good: with a lease that was renewed meanwhile, a key's later message could go out where its earlier one did not.
  let stopped = false;

  const reject = (message: OutboxMessage, reason: string): void => {
    if (!failedKeys.has(message.key)) {
      failedKeys.add(message.key);
      outcomes.set(message, { status: 'rejected', reason });
    }
  };
  const sendPart = async (part: readonly OutboxMessage[]): Promise<void> => {
    const messages = failedKeys.size === 0 ? part : part.filter(({ key }) => !failedKeys.has(key));
    if (messages.length === 0 || unavailable !== undefined || stopped) {
      return;
    }
    const failure = context.mayContinue() ? await send(messages) : 'stopped';
    if (failure === 'stopped') {
      stopped = true;
    } else if (failure === undefined) {
      messages.forEach((message) => outcomes.set(message, PUBLISHED));
    } else if (failure.fault === 'broker') {
      unavailable = failure.reason;
    } else if (failure.fault === 'topic') {
      const topics = byTopic(messages);
      if (topics.length === 1) {
        messages.forEach((message) => reject(message, failure.reason));
      }
      // Within a request a key has one topic only (request-chunks.ts), so that this keeps its order.
      for (const sameTopic of topics.length === 1 ? [] : topics) {
        await sendPart(sameTopic);
      }
    } else if (messages.length === 1) {
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

export function byTopic(messages: readonly OutboxMessage[]): OutboxMessage[][] {
  const topics = new Map<string, OutboxMessage[]>();
  for (const message of messages) {
    const sameTopic = topics.get(message.topic);
    if (sameTopic === undefined) {
      topics.set(message.topic, [message]);
    } else {
      sameTopic.push(message);
    }
  }
  return [...topics.values()];
}
