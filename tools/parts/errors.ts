/** What went wrong with the parts, in words for the person who started them. */
export class PartsError extends Error {
  override readonly name: string = 'PartsError';
}

/** A process ended before it was ready; `output` is what it printed. */
export class EndedEarlyError extends PartsError {
  override readonly name = 'EndedEarlyError';

  constructor(
    what: string,
    how: string,
    readonly output: string,
  ) {
    const said = output.trim().split('\n').slice(-8).join('\n');
    super(`${what} ended before it was ready (${how})${said && `. It said last:\n${said}`}`);
  }
}

/** One way of getting a part, and why it did not serve. */
export interface Attempt {
  readonly name: string;
  readonly reason: string;
}

export class NothingServesError extends PartsError {
  override readonly name = 'NothingServesError';

  constructor(
    what: string,
    readonly attempts: readonly Attempt[],
    advice: string,
  ) {
    const tried = attempts.map(({ name, reason }) => `  - ${name}: ${reason}`);
    super([`${what} could not be started. Tried:`, ...tried, advice].join('\n'));
  }
}

/** The reason in a few words: drivers hide it in codes, in nested errors or in many lines. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  if (error instanceof EndedEarlyError) return error.message.replaceAll('\n', '\n      ');
  const text = error.message || ('code' in error ? String(error.code) : error.name);
  const line = text.split('\n', 1)[0] ?? text;
  return line.length > 240 ? `${line.slice(0, 240)}…` : line;
}
