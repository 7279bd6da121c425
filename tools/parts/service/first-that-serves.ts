import { NothingServesError, reasonOf, type Attempt } from '../errors';
import type { Log } from '../log';

/** One way of getting a part. `serve` rejects with the reason in a few words when it cannot. */
export interface Candidate<T> {
  readonly name: string;
  readonly serve: () => Promise<T>;
}

export interface Choice<T> {
  /** The part, as the error names it. */
  readonly what: string;
  /** The variable that names a part already running. If it is set, nothing else is tried: it was asked for. */
  readonly external: Candidate<T> & { readonly value: string | undefined };
  readonly others: readonly Candidate<T>[];
  readonly advice: string;
}

export async function firstThatServes<T>(choice: Choice<T>, log: Log): Promise<T> {
  const { what, external, others, advice } = choice;
  const asked = external.value !== undefined && external.value !== '';
  const attempts: Attempt[] = asked ? [] : [{ name: external.name, reason: 'not set' }];
  for (const { name, serve } of asked ? [external] : others) {
    try {
      return await serve();
    } catch (error) {
      const reason = reasonOf(error);
      attempts.push({ name, reason });
      log(`${what}: ${name} does not serve (${reason})`);
    }
  }
  throw new NothingServesError(what, attempts, asked ? `Start it, or unset ${external.name}.` : advice);
}
