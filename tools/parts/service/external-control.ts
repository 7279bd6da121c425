import { PartsError } from '../errors';
import type { Control } from './control';

/** A part that was there before: it is used, never touched. */
export class ExternalControl implements Control {
  readonly pid = undefined;

  constructor(private readonly variable: string) {}

  kill(): Promise<void> {
    return this.refuse();
  }

  start(): Promise<void> {
    return this.refuse();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  private refuse(): Promise<never> {
    return Promise.reject(
      new PartsError(`What ${this.variable} names was not started here; unset it for a part that may be killed`),
    );
  }
}
