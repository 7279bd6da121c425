import type { InboxPayload, InboxPayloadMessage } from '../interfaces/inbox-message';

/** What is used of `KafkaContext` of `@nestjs/microservices`, which is known by its methods: the package is optional. */
interface KafkaContextLike {
  getMessage(): InboxPayloadMessage;
  getTopic(): string;
  getPartition(): number;
}

/** How Nest's transport takes what a handler throws: of a request it is the answer. */
export type NestCall = 'event' | 'request';

/** Where Nest's decorators of patterns leave what kind of handler a method is, and the kind that takes events alone. */
const HANDLER_TYPE = 'microservices:handler_type';
const EVENT_HANDLER = 2;

/** The message that a call is about. */
export function payloadAmong(args: readonly unknown[]): InboxPayload | undefined {
  const context = args.find(isKafkaContext);
  return context === undefined
    ? args.find(isPayload)
    : { topic: context.getTopic(), partition: context.getPartition(), message: context.getMessage() };
}

/** How Nest's transport has called the method; undefined if somebody else has. */
export function nestCallOf(method: unknown, args: readonly unknown[]): NestCall | undefined {
  const handlerType: unknown = typeof method === 'function' ? Reflect.getMetadata(HANDLER_TYPE, method) : undefined;
  const context = args.find(isKafkaContext);
  if (context === undefined) {
    // A handler that does not take the context: only Nest calls it, or a test that hands over a payload.
    return handlerType === undefined || args.some(isPayload) ? undefined : 'event';
  }
  const { kafka_correlationId: correlationId, kafka_replyTopic: replyTopic } = context.getMessage().headers ?? {};
  const isAsked = ![correlationId, replyTopic].some((header) => header === undefined || header === null);
  return isAsked && handlerType !== EVENT_HANDLER ? 'request' : 'event';
}

function isKafkaContext(value: unknown): value is KafkaContextLike {
  const { getMessage, getTopic, getPartition } = (value ?? {}) as Partial<KafkaContextLike>;
  return [getMessage, getTopic, getPartition].every((method) => typeof method === 'function');
}

function isPayload(value: unknown): value is InboxPayload {
  const { topic, partition, message } = (value ?? {}) as Partial<InboxPayload>;
  return typeof topic === 'string' && typeof partition === 'number' && typeof message?.offset === 'string';
}
