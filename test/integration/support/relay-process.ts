import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutboxOptions } from 'nestjs-outboxed';
import { Keeper } from '../../../tools/parts/keeper/keeper';
import type { KeptProcess } from '../../../tools/parts/keeper/kept-process';
import { within } from '../../../tools/parts/time';
import { endedAtLast } from './cleanup';
import { eventually } from './eventually';
import { sharedBrokers } from './kafka';

/** The shortest that is allowed: what waits for its end shall not wait long. */
export const LEASE_SECONDS = 19;

const OWNS_WITHIN_SECONDS = 60;
const ENDS_WITHIN_MS = 30_000;

export interface RelayProcessOptions {
  url: string;
  /** Null: it takes the events itself, and says which; see relay-program.cjs. */
  brokers?: readonly string[] | null;
  outbox?: Omit<OutboxOptions, 'kafka' | 'publisher'>;
  /** It freezes when it is about to send for the n-th time; see relay-program.cjs. */
  freezeBeforeSend?: number;
}

let keeper: Promise<Keeper> | undefined;
let number = 0;

/** One for each test file: it ends its processes also when the test's own process is killed, frozen ones as well. */
async function openKeeper(): Promise<Keeper> {
  const opened = await Keeper.open({ parent: tmpdir(), prefix: 'nestjs-outboxed-relays-' });
  endedAtLast(() => opened.close());
  return opened;
}

/** A relay in a process of its own (relay-program.cjs). */
export class RelayProcess {
  private constructor(
    private readonly kept: KeptProcess,
    /** All that it has printed so far. */
    readonly output: () => Promise<string>,
  ) {}

  static async start({ url, brokers = sharedBrokers(), outbox, ...rest }: RelayProcessOptions): Promise<RelayProcess> {
    const log = `relay-${++number}.log`;
    const options = {
      ...rest,
      outbox: {
        leaseSeconds: LEASE_SECONDS,
        pollIntervalSeconds: 0.2,
        ...outbox,
        ...(brokers === null ? {} : { kafka: { clientId: 'relay-process', brokers } }),
      },
    };
    const keeping = await (keeper ??= openKeeper());
    const kept = await keeping.spawn({
      command: process.execPath,
      args: [join(__dirname, 'relay-program.cjs'), JSON.stringify(options)],
      env: { DATABASE_URL: url, NO_COLOR: '1' },
      log,
      stopSignal: 'SIGKILL',
      stopWithinMs: 5000,
    });
    const relay = new RelayProcess(kept, () => keeping.output(log));
    endedAtLast(async () => {
      await relay.kill('SIGKILL');
    });
    return relay;
  }

  /** As what it owns lanes; waits until it owns some. */
  async owner(seconds = OWNS_WITHIN_SECONDS): Promise<string> {
    const [, owner] = await this.says(/^ready (\S+)$/m, seconds);
    return owner as string;
  }

  /** Waits until it has printed something. */
  async says(what: RegExp, seconds = 60): Promise<RegExpExecArray> {
    const found = await eventually(
      `a relay to say ${String(what)}`,
      async () => {
        const { running } = this.kept;
        return what.exec(await this.output()) ?? (running ? undefined : 'it has ended');
      },
      { seconds },
    );
    if (typeof found === 'string') {
      throw new Error(`The relay process has ended before it said ${String(what)}:\n${await this.output()}`);
    }
    return found;
  }

  /** Sends a signal; one that ends the process is waited for. Resolves with the exit code, where there is one. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGCONT'): Promise<number | null> {
    await this.kept.signal(signal);
    if (signal === 'SIGCONT') {
      return null;
    }
    return (await within(ENDS_WITHIN_MS, `A relay process to end after ${signal}`, this.kept.exited)).code;
  }
}
