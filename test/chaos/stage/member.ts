import { join } from 'node:path';
import type { Keeper } from '../../../tools/parts/keeper/keeper';
import type { KeptProcess } from '../../../tools/parts/keeper/kept-process';
import { within } from '../../../tools/parts/time';
import { GO_BACK, type ProcessParameters } from '../processes/parameters';

export type Role = 'writer' | 'relay' | 'consumer';

const ENDS_WITHIN_MS = 30_000;

/** A process that is killed, frozen and started again; each time it is somebody new. */
export class Member {
  private process: KeptProcess | undefined;
  private incarnation = 0;
  private mayEnd = false;
  frozen = false;

  constructor(
    private readonly keeper: Keeper,
    readonly role: Role,
    readonly index: number,
    private readonly parameters: Omit<ProcessParameters, 'name' | 'index' | 'incarnation'>,
    /** Called when it has ended although nobody has ended it. */
    private readonly onCrash: (member: Member) => void,
  ) {}

  /** Of the process that runs, or ran last. */
  get name(): string {
    return `${this.role}-${String(this.index)}-${String(this.incarnation)}`;
  }

  get runs(): boolean {
    return this.process?.running === true;
  }

  async start(): Promise<void> {
    this.incarnation++;
    const { name, index, incarnation } = this;
    const parameters: ProcessParameters = { ...this.parameters, name, index, incarnation };
    this.mayEnd = false;
    this.frozen = false;
    const started = await this.keeper.spawn({
      command: process.execPath,
      args: [join(__dirname, '..', 'processes', `${this.role}-process.js`), JSON.stringify(parameters)],
      env: { NO_COLOR: '1' },
      log: `${name}.log`,
      stopSignal: 'SIGKILL',
      stopWithinMs: 5000,
    });
    this.process = started;
    void started.exited.then(() => {
      if (!this.mayEnd && this.process === started) {
        this.onCrash(this);
      }
    });
  }

  async freeze(): Promise<void> {
    this.frozen = true;
    await this.process?.signal('SIGSTOP');
  }

  async thaw(): Promise<void> {
    this.frozen = false;
    await this.process?.signal('SIGCONT');
  }

  /** For a consumer. */
  async goBack(): Promise<void> {
    await this.process?.signal(GO_BACK);
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** As a platform ends it: SIGTERM, and SIGKILL if that takes too long. */
  async stop(): Promise<boolean> {
    try {
      await this.end('SIGTERM');
      return true;
    } catch {
      await this.end('SIGKILL');
      return false;
    }
  }

  /** All that it has printed since it was started last. */
  output(): Promise<string> {
    return this.keeper.output(`${this.name}.log`);
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.mayEnd = true;
    const { process } = this;
    if (process !== undefined) {
      await process.signal(signal);
      await within(ENDS_WITHIN_MS, `${this.name} to end after ${signal}`, process.exited);
    }
  }
}
