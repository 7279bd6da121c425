import { deferred } from '../time';
import type { Exit } from './protocol';

/** A process a keeper has started. */
export class KeptProcess {
  readonly #exit = deferred<Exit>();
  #running = true;

  constructor(
    readonly pid: number,
    private readonly send: (signal: NodeJS.Signals) => Promise<void>,
  ) {}

  get running(): boolean {
    return this.#running;
  }

  get exited(): Promise<Exit> {
    return this.#exit.promise;
  }

  /** Goes through the keeper, its parent: the signal cannot reach another process that was given the same pid. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    if (this.#running) await this.send(signal);
  }

  /** Called by the keeper's client when the keeper reports the exit. */
  ended(exit: Exit): void {
    this.#running = false;
    this.#exit.resolve(exit);
  }

  /** Called when the keeper itself was killed: its last report said that the process runs. */
  abandon(): void {
    try {
      process.kill(this.pid, 'SIGKILL');
    } catch {
      // It ended together with its keeper.
    }
    this.ended({ code: null, signal: 'SIGKILL' });
  }
}
