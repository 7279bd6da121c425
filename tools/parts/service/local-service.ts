import { setTimeout as sleep } from 'node:timers/promises';
import { EndedEarlyError, PartsError, reasonOf } from '../errors';
import type { KeptProcess } from '../keeper/kept-process';
import type { Keeper } from '../keeper/keeper';
import type { Command, Exit } from '../keeper/protocol';
import type { Log } from '../log';
import { within } from '../time';
import { endsProcess, type Control, type FaultSignal } from './control';

export interface ServiceRecipe {
  readonly label: string;
  readonly command: Command;
  /** Rejects until the service serves; must also notice when somebody else's service answers on the port. */
  readonly probe: () => Promise<void>;
  readonly readyWithinMs: number;
  /** What a start that follows a kill may say and yet succeed a moment later. */
  readonly transient: RegExp;
}

const PROBE_EVERY_MS = 100;
const RETRY_EVERY_MS = 300;
const RETRY_FOR_MS = 20_000;

/** A server process of this machine, held by a keeper. */
export class LocalService implements Control {
  #process: KeptProcess | undefined;
  #expectsExit = false;
  #stopped = false;

  constructor(
    private readonly keeper: Keeper,
    private readonly recipe: ServiceRecipe,
    private readonly log: Log,
  ) {}

  get pid(): number | undefined {
    return this.#process?.running ? this.#process.pid : undefined;
  }

  /** One attempt. Rejects with EndedEarlyError if the process ends instead of serving. */
  async launch(): Promise<void> {
    const { label, command } = this.recipe;
    if (this.#stopped) throw new PartsError(`${label} was stopped and its data removed`);
    if (this.pid !== undefined) throw new PartsError(`${label} already runs (pid ${this.pid})`);
    const before = Buffer.byteLength(await this.keeper.output(command.log));
    this.#expectsExit = false;
    const kept = await this.keeper.spawn(command);
    this.#process = kept;
    const exit = await this.untilReady(kept);
    if (exit) throw new EndedEarlyError(label, describeExit(exit), await this.keeper.output(command.log, before));
    void kept.exited.then((how) => {
      if (!this.#expectsExit) this.log(`${label}: process ${kept.pid} ended (${describeExit(how)})`);
    });
  }

  async start(): Promise<void> {
    const giveUpAt = Date.now() + RETRY_FOR_MS;
    for (;;) {
      try {
        return await this.launch();
      } catch (error) {
        const worthRetrying = error instanceof EndedEarlyError && this.recipe.transient.test(error.output);
        if (!worthRetrying || Date.now() > giveUpAt) throw error;
        await sleep(RETRY_EVERY_MS);
      }
    }
  }

  async kill(signal: FaultSignal): Promise<void> {
    const kept = this.#process;
    if (!kept?.running) throw new PartsError(`${this.recipe.label} does not run`);
    if (!endsProcess(signal)) return kept.signal(signal);
    this.#expectsExit = true;
    await kept.signal(signal);
    await within(this.recipe.command.stopWithinMs, `${this.recipe.label} to end after ${signal}`, kept.exited);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#expectsExit = true;
    await this.keeper.close();
  }

  /** Resolves with nothing when the service serves, or with its exit. */
  private async untilReady(kept: KeptProcess): Promise<Exit | undefined> {
    const { label, readyWithinMs, probe } = this.recipe;
    const giveUpAt = Date.now() + readyWithinMs;
    for (;;) {
      const reason = await probe().then(() => undefined, reasonOf);
      if (!kept.running) return kept.exited;
      if (reason === undefined) return undefined;
      if (Date.now() > giveUpAt) {
        this.#expectsExit = true;
        await kept.signal('SIGKILL');
        await kept.exited;
        throw new PartsError(`${label} did not serve within ${readyWithinMs / 1000} s: ${reason}`);
      }
      await sleep(PROBE_EVERY_MS);
    }
  }
}

function describeExit({ code, signal }: Exit): string {
  return signal ?? `code ${code}`;
}
