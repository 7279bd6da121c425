import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { PartsError } from '../errors';
import { deferred, within, type Deferred } from '../time';
import { KeptProcess } from './kept-process';
import type { Command, KeeperEvent, KeeperOptions, KeeperRequest } from './protocol';

const ANSWER_WITHIN_MS = 15_000;
/** Above the longest `stopWithinMs` in use. */
const CLOSE_WITHIN_MS = 60_000;

/** This end of a keeper (keeper-process.cjs): a temporary directory and processes, which end when this process does. */
export class Keeper {
  readonly #child: ChildProcess;
  readonly #ready = deferred<string>();
  readonly #closed = deferred<true>();
  readonly #processes = new Map<number, KeptProcess>();
  readonly #spawning = new Map<number, Deferred<number>>();
  readonly #signalling = new Map<number, Deferred<true>>();
  #nextId = 1;
  #gone = false;
  #directory = '';

  private constructor(options: KeeperOptions) {
    this.#child = spawn(process.execPath, [keeperScript(), JSON.stringify(options)], {
      detached: true, // a process group of its own, which the terminal's Ctrl-C does not reach
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, NODE_OPTIONS: '' }, // a debugger's or a loader's flags are not for the keeper
    });
    this.#child.once('error', (error) => this.#broken(error.message));
    // Not 'exit': its last reports must be read first.
    this.#child.once('close', () => {
      this.#broken('the keeper process ended');
      this.#closed.resolve(true);
    });
    this.#child.stdin?.on('error', () => undefined); // the exit above says it
    if (this.#child.stdout) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as KeeperEvent));
    }
    // A forgotten keeper must not keep this process alive; whoever waits for one holds a timer (see `within`).
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout]) (stream as { unref?(): void } | null)?.unref?.();
  }

  static async open(options: KeeperOptions): Promise<Keeper> {
    const keeper = new Keeper(options);
    keeper.#directory = await within(ANSWER_WITHIN_MS, 'Preparing a temporary directory', keeper.#ready.promise);
    return keeper;
  }

  get directory(): string {
    return this.#directory;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async spawn(command: Command): Promise<KeptProcess> {
    if (this.#gone) throw new PartsError('the process that kept it is gone, and its data with it');
    const id = this.#nextId++;
    const answer = deferred<number>();
    this.#spawning.set(id, answer);
    this.#send({ do: 'spawn', id, ...command });
    await within(ANSWER_WITHIN_MS, `Starting ${command.command}`, answer.promise);
    const kept = this.#processes.get(id);
    if (!kept) throw new PartsError(`${command.command} could not be started`);
    return kept;
  }

  /** Everything the processes with this log file have printed, from the given byte on. */
  async output(log: string, from = 0): Promise<string> {
    const bytes = await readFile(join(this.#directory, log)).catch(() => Buffer.alloc(0));
    return bytes.subarray(from).toString();
  }

  /** Stops what still runs, removes the directory. Calling it again is harmless. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    await within(CLOSE_WITHIN_MS, 'Stopping a kept process', this.#closed.promise);
  }

  async #signal(id: number, signal: NodeJS.Signals): Promise<void> {
    const answer = this.#signalling.get(id) ?? deferred<true>();
    this.#signalling.set(id, answer);
    this.#send({ do: 'signal', id, signal });
    await within(ANSWER_WITHIN_MS, `Sending ${signal}`, answer.promise);
  }

  #send(request: KeeperRequest): void {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
  }

  #hear(event: KeeperEvent): void {
    if (event.event === 'ready') return this.#ready.resolve(event.directory);
    if (event.event === 'broken') return this.#broken(event.message);
    const { id } = event;
    if (event.event === 'spawned') {
      this.#processes.set(id, new KeptProcess(event.pid, (signal) => this.#signal(id, signal)));
      this.#spawning.get(id)?.resolve(event.pid);
    } else if (event.event === 'failed') {
      this.#spawning.get(id)?.reject(new PartsError(event.message));
    } else if (event.event === 'signalled') {
      this.#signalling.get(id)?.resolve(true);
      this.#signalling.delete(id);
    } else {
      this.#processes.get(id)?.ended(event);
    }
  }

  /** The keeper is gone; if somebody killed it, what it kept is still there and is ended from here. */
  #broken(message: string): void {
    this.#gone = true;
    const error = new PartsError(message);
    this.#ready.promise.catch(() => undefined);
    this.#ready.reject(error);
    for (const answer of [...this.#spawning.values(), ...this.#signalling.values()]) {
      answer.promise.catch(() => undefined);
      answer.reject(error);
    }
    const orphans = [...this.#processes.values()].filter((kept) => kept.running);
    for (const orphan of orphans) orphan.abandon();
    if (this.#directory) void rm(this.#directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** The script stands next to the sources; compiled code finds it from the project's root. */
function keeperScript(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const script = join(folder, 'tools', 'parts', 'keeper', 'keeper-process.cjs');
    if (existsSync(script)) return script;
  }
  throw new PartsError('tools/parts/keeper/keeper-process.cjs is missing from the checkout');
}
