import type { InboxConsumerOptions } from '../interfaces/inbox-message';
import { resolveConsumer, type ResolvedConsumer } from './resolve-consumer';

/** More names than code has: somebody makes them up as he goes. */
const MOST = 100;

/** Consumers by their names. Options come with each message, mostly as a literal: to check them anew took 4 us, to see that they are the same takes 0.3. */
export class KnownConsumers {
  private readonly known = new Map<
    string,
    { readonly given: InboxConsumerOptions; readonly resolved: ResolvedConsumer }
  >();

  /** @throws InboxOptionsInvalidError */
  of(options: InboxConsumerOptions, where: string): ResolvedConsumer {
    const known = this.known.get((options as InboxConsumerOptions | undefined)?.consumer as string);
    if (known !== undefined && isSame(known.given, options)) {
      return known.resolved;
    }
    const resolved = resolveConsumer(options, where);
    if (this.known.size >= MOST) {
      this.known.clear();
    }
    // A copy: the caller may change his own.
    this.known.set(resolved.consumer, { given: { ...options }, resolved });
    return resolved;
  }
}

function isSame(one: object, other: object): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every(
      (name) =>
        Object.hasOwn(other, name) &&
        (one as Record<string, unknown>)[name] === (other as Record<string, unknown>)[name],
    )
  );
}
