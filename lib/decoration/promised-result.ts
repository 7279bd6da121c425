import { isObservable } from 'rxjs';
import { OutboxedResultUnsupportedError } from '../errors/outboxed.errors';

/**
 * Waits for what a decorated method returns.
 *
 * @throws OutboxedResultUnsupportedError if it does its work only when it is asked for values, which is after the transaction has ended
 */
export async function promisedResult(method: string, decorator: string, work: () => unknown): Promise<unknown> {
  const result = await work();
  if (isObservable(result) || isGenerator(result)) {
    throw new OutboxedResultUnsupportedError(method, isObservable(result) ? 'an Observable' : 'a generator', decorator);
  }
  return result;
}

function isGenerator(result: unknown): boolean {
  return /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(result));
}
