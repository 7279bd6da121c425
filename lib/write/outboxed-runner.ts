import type { TransactionContext } from '../transaction/transaction-context';
import type { OutboxRepository } from './outbox.repository';
import { eventsOf, type OutboxedEvents } from './outboxed-events';

/** One call of a method with `@Outboxed`. */
export interface OutboxedCall {
  /** `Class.method`, for messages. */
  readonly method: string;
  readonly args: unknown[];
  /** The method itself. */
  readonly work: () => unknown;
  /** Undefined: the method adds its events itself. */
  readonly events: OutboxedEvents | undefined;
}

/** What `@Outboxed` finds injected into the decorated class. */
export interface OutboxedRunner {
  run(call: OutboxedCall): Promise<unknown>;
}

/** Runs the method and adds its declared events. */
export async function runWithEvents(call: OutboxedCall, repository: OutboxRepository): Promise<unknown> {
  const result = await call.work();
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
    private readonly transactions: TransactionContext,
    private readonly repository: OutboxRepository,
  ) {}

  run(call: OutboxedCall): Promise<unknown> {
    return this.transactions.required(() => runWithEvents(call, this.repository));
  }
}
