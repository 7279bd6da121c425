import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keeper } from '../../../tools/parts/keeper/keeper';
import type { KeptProcess } from '../../../tools/parts/keeper/kept-process';
import { within } from '../../../tools/parts/time';
import { endedAtLast } from './cleanup';
import { eventually } from './eventually';
import { CONSUMER } from './inbox-suite';
import { sharedBrokers } from './kafka';

const ENDS_WITHIN_MS = 30_000;

export interface ConsumerProcessOptions {
  url: string;
  topic: string;
  groupId: string;
  by: 'eachMessage' | 'eachBatch';
  /** Where it goes no further; see consumer-program.cjs. */
  hang?: { where: 'before commit' | 'after commit'; at: number };
}

let keeper: Promise<Keeper> | undefined;
let number = 0;

/** One for each test file: it ends its processes also when the test's own process is killed. */
async function openKeeper(): Promise<Keeper> {
  const opened = await Keeper.open({ parent: tmpdir(), prefix: 'nestjs-outboxed-consumers-' });
  endedAtLast(() => opened.close());
  return opened;
}

/** A consumer in a process of its own (consumer-program.cjs). */
export class ConsumerProcess {
  private constructor(
    private readonly kept: KeptProcess,
    /** All that it has printed so far. */
    readonly output: () => Promise<string>,
  ) {}

  static async start({ url, ...options }: ConsumerProcessOptions): Promise<ConsumerProcess> {
    const log = `consumer-${++number}.log`;
    const argument = JSON.stringify({ ...options, brokers: sharedBrokers(), consumer: CONSUMER });
    const keeping = await (keeper ??= openKeeper());
    const kept = await keeping.spawn({
      command: process.execPath,
      args: [join(__dirname, 'consumer-program.cjs'), argument],
      env: { DATABASE_URL: url, NO_COLOR: '1' },
      log,
      stopSignal: 'SIGKILL',
      stopWithinMs: 5000,
    });
    const consumer = new ConsumerProcess(kept, () => keeping.output(log));
    endedAtLast(() => consumer.kill());
    return consumer;
  }

  /** Waits until it has printed something. */
  async says(what: RegExp, seconds = 60): Promise<RegExpExecArray> {
    const found = await eventually(
      `a consumer to say ${String(what)}`,
      async () => {
        const { running } = this.kept;
        return what.exec(await this.output()) ?? (running ? undefined : 'it has ended');
      },
      { seconds },
    );
    if (typeof found === 'string') {
      throw new Error(`The consumer process has ended before it said ${String(what)}:\n${await this.output()}`);
    }
    return found;
  }

  /** The ids of what it has skipped. */
  async skipped(): Promise<string[]> {
    return [...(await this.output()).matchAll(/^skipped (\S+)$/gm)].map(([, id]) => id as string);
  }

  /** Ends it by kill -9, and waits for that. */
  async kill(): Promise<void> {
    await this.kept.signal('SIGKILL');
    await within(ENDS_WITHIN_MS, 'A consumer process to end', this.kept.exited);
  }
}
