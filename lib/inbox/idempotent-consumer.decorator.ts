import { DEFAULT_DATA_SOURCE } from '../config/tokens';
import { decorateMethod, nameOf } from '../decoration/injected-method';
import { promisedResult } from '../decoration/promised-result';
import { InboxMessageNotFoundError } from '../errors/inbox.errors';
import { OutboxNotRegisteredError } from '../errors/outboxed.errors';
import type { InboxConsumerOptions } from '../interfaces/inbox-message';
import type { Inbox } from './inbox';
import { getInboxToken } from './inbox-tokens';
import { nestCallOf, payloadAmong } from './received-message';
import { resolveConsumer } from './resolve-consumer';
import { answerOf, toNest } from './nest-errors';

const DECORATOR = '@IdempotentConsumer()';

/** How a handler with `@IdempotentConsumer` handles what it receives. */
export interface IdempotentConsumerOptions extends Partial<InboxConsumerOptions> {
  /** Name of the data source; default: `default`. */
  readonly dataSource?: string | undefined;
}

/**
 * Makes a handler of messages effectively once: it runs in a transaction together with the record of the message's id, and not at all if that is known.
 * For methods with `@EventPattern` or `@MessagePattern` of Nest's Kafka transport that take the context, and for methods that are called with
 * the payload of kafkajs' `eachMessage`.
 *
 * ```ts
 * @EventPattern<string>('orders')
 * @IdempotentConsumer({ consumer: 'shipping' })
 * async ship(@Payload() order: OrderPlaced, @Ctx() context: KafkaContext): Promise<void> {
 *   await this.shipments.save(Shipment.of(order));
 * }
 * ```
 *
 * Without `consumer` the name is `Class.method`: to rename the method then makes it another consumer, which knows nothing of what was handled. If the handler
 * fails, a `KafkaRetriableException` is thrown with the error as its cause, since Nest 11 leaves any other one behind; an `RpcException` that answers a request is
 * thrown as it is. The method resolves to undefined if the handler did not run: the message was handled before.
 *
 * @throws InboxOptionsInvalidError, while the class is being defined, if the options are wrong
 */
export function IdempotentConsumer(options: IdempotentConsumerOptions = {}) {
  const { dataSource = DEFAULT_DATA_SOURCE, ...given } = options;
  const token = getInboxToken(dataSource);
  return (target: object, property: string | symbol, descriptor?: PropertyDescriptor): void => {
    const name = nameOf(target, property);
    const consumer = { ...given, consumer: given.consumer ?? name };
    resolveConsumer(consumer, `${DECORATOR} on ${name}`);
    decorateMethod<Inbox>(
      { decorator: DECORATOR, token, property: `nestjs-outboxed:inbox:${dataSource}` },
      { target, property, descriptor },
      async ({ injected, method, args, work }) => {
        const call = nestCallOf((target as Readonly<Record<string | symbol, unknown>>)[property], args);
        try {
          if (injected === undefined) {
            throw new OutboxNotRegisteredError(method, dataSource, '@IdempotentConsumer');
          }
          const payload = payloadAmong(args);
          if (payload === undefined) {
            throw new InboxMessageNotFoundError(method);
          }
          const outcome = await injected.process(payload, () => promisedResult(method, DECORATOR, work), consumer);
          if (outcome.status === 'processed') {
            return outcome.result;
          }
          if (call === 'request' && outcome.status !== 'skipped') {
            throw answerOf(outcome.error);
          }
          return undefined;
        } catch (error) {
          throw call === undefined ? error : toNest(error, call);
        }
      },
    );
  };
}
