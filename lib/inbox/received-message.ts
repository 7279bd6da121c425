import type { InboxPayload, InboxPayloadMessage } from '../interfaces/inbox-message';

/** What is used of `KafkaContext` of `@nestjs/microservices`, which is known by its methods: the package is optional. */
interface KafkaContextLike {
  getMessage(): InboxPayloadMessage;
  getTopic(): string;
  getPartition(): number;
}

export interface Received {
  readonly payload: InboxPayload;
  /** Whether Nest's transport has called, and will see what is thrown. */
  readonly fromNest: boolean;
}

/** The message that a call is about. */
export function receivedAmong(args: readonly unknown[]): Received | undefined {
  const context = args.find(isKafkaContext);
  if (context !== undefined) {
    const payload = { topic: context.getTopic(), partition: context.getPartition(), message: context.getMessage() };
    return { payload, fromNest: true };
  }
  const payload = args.find(isPayload);
  return payload === undefined ? undefined : { payload, fromNest: false };
}

function isKafkaContext(value: unknown): value is KafkaContextLike {
  const { getMessage, getTopic, getPartition } = (value ?? {}) as Partial<KafkaContextLike>;
  return [getMessage, getTopic, getPartition].every((method) => typeof method === 'function');
}

function isPayload(value: unknown): value is InboxPayload {
  const { topic, partition, message } = (value ?? {}) as Partial<InboxPayload>;
  return typeof topic === 'string' && typeof partition === 'number' && typeof message?.offset === 'string';
}
