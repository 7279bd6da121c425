import { promisedResult } from '../decoration/promised-result';
import type { OutboxTransactions } from '../transaction/outbox-transactions';
import type { OutboxTransactionOptions } from '../transaction/propagation';
import type { OutboxRepository } from './outbox.repository';
import { eventsOf, type OutboxedEvents } from './outboxed-events';

/** How messages name the decorator. */
export const DECORATOR = '@Outboxed()';

/** One call of a method with `@Outboxed`. */
export interface OutboxedCall {
  /** `Class.method`, for messages. */
  readonly method: string;
  readonly args: unknown[];
  /** The method itself. */
  readonly work: () => unknown;
  /** Undefined: the method adds its events itself. */
  readonly events: OutboxedEvents | undefined;
  readonly transaction: OutboxTransactionOptions;
}

/** What `@Outboxed` finds injected into the decorated class. */
export interface OutboxedRunner {
  run(call: OutboxedCall): Promise<unknown>;
}

/** Runs the method and adds its declared events. */
export async function runWithEvents(call: OutboxedCall, repository: OutboxRepository): Promise<unknown> {
  const result = await promisedResult(call.method, DECORATOR, call.work);
  if (call.events !== undefined) {
    const events = eventsOf(call.events, result, call.args, call.method);
    if (events.length > 0) {
      await repository.addEvents(events);
    }
  }
  return result;
}

/** Runs methods in the current transaction of a data source, or in a new one. */
export class TransactionalOutboxedRunner implements OutboxedRunner {
  constructor(
    private readonly transactions: OutboxTransactions,
    private readonly repository: OutboxRepository,
  ) {}

  run(call: OutboxedCall): Promise<unknown> {
    return this.transactions.run(() => runWithEvents(call, this.repository), call.transaction);
  }
}
