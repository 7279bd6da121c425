import { DEFAULT_DATA_SOURCE, outboxedToken } from '../config/tokens';
import { decorateMethod } from '../decoration/injected-method';
import { OutboxNotRegisteredError } from '../errors/outboxed.errors';
import type { OutboxTransactionOptions } from '../transaction/propagation';
import { assertTransactionOptions } from '../transaction/transaction-option-rules';
import type { OutboxedEventFields, OutboxedEventFunction, OutboxedEvents } from './outboxed-events';
import { DECORATOR, type OutboxedRunner } from './outboxed-runner';

/** Which transaction `@Outboxed` runs a method in. */
export interface OutboxedOptions extends OutboxTransactionOptions {
  /** Name of the data source; default: `default`. */
  dataSource?: string | undefined;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- a decorator cannot infer from the method that it is put on: without `any`
   as default, every user would have to write the types of result and arguments twice */

/** A decorator for async methods that return `Result`. */
export type OutboxedDecorator<Result> = <Method extends (...args: any[]) => Promise<Result>>(
  target: object,
  property: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Runs the method in a transaction: the current one of the data source if there is one, else a new one. Injected repositories, the
 * entity manager and {@link OutboxRepository.addEvent} take part in it by themselves. If the method fails, all of it is rolled back.
 *
 * ```ts
 * @Outboxed()
 * async place(command: PlaceOrder): Promise<Order> {
 *   const order = await this.orders.save(Order.from(command));
 *   await this.outbox.addEvent({ aggregateType: 'order', aggregateId: order.id, eventType: 'OrderPlaced', topic: 'orders', eventData: order });
 *   return order;
 * }
 * ```
 *
 * The declarative form writes the event from the method's result; each field is a value or `(result, ...args) => value`:
 *
 * ```ts
 * @Outboxed({ topic: 'orders', aggregateType: 'order', eventType: 'OrderCancelled', aggregateId: (order: Order) => order.id })
 * async cancel(id: string): Promise<Order> { ... }
 * ```
 *
 * The function form makes whole events: `@Outboxed((order: Order) => order.paid ? { ... } : undefined)`; another data source is its second
 * argument, `{ dataSource: 'name' }`.
 *
 * The object must be made by Nest in an application with `OutboxModule` (or a test with `OutboxTestingModule`); a call on any other
 * rejects with `OutboxNotRegisteredError`.
 */
export function Outboxed<Result = any>(
  events: OutboxedEventFields<Result> & OutboxedOptions,
): OutboxedDecorator<Result>;
export function Outboxed<Result = any>(
  events: OutboxedEventFunction<Result>,
  options?: OutboxedOptions,
): OutboxedDecorator<Result>;
export function Outboxed(options?: OutboxedOptions): OutboxedDecorator<any>;
/* eslint-enable @typescript-eslint/no-explicit-any */
export function Outboxed(declared: OutboxedOptions | OutboxedEvents = {}, options?: OutboxedOptions) {
  const given = options ?? (typeof declared === 'function' ? {} : (declared as OutboxedOptions));
  const { dataSource = DEFAULT_DATA_SOURCE, propagation, isolationLevel } = given;
  assertTransactionOptions(given);
  const events = typeof declared === 'function' || 'eventType' in declared ? declared : undefined;

  return (target: object, property: string | symbol, descriptor?: PropertyDescriptor): void => {
    const token = outboxedToken(dataSource);
    decorateMethod<OutboxedRunner>(
      { decorator: DECORATOR, token, property: token },
      { target, property, descriptor },
      async ({ injected, method, args, work }) => {
        if (injected === undefined) {
          throw new OutboxNotRegisteredError(method, dataSource);
        }
        return injected.run({ method, args, events, transaction: { propagation, isolationLevel }, work });
      },
    );
  };
}
