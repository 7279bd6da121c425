import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { deferred, within } from '../../parts/time';
import { ROOT } from '../root';
import { StartError } from '../start.error';

export interface Output {
  /** Take the lines that the program prints. */
  readonly onOutput: (line: string) => void;
  readonly onError: (line: string) => void;
}

export interface ProgramOptions extends Output {
  /** As a message names it. */
  readonly name: string;
  /** A script in dist/sample-app. */
  readonly script: string;
  /** The line by which it says that it is up. It is not passed on. */
  readonly ready: RegExp;
  readonly env: Readonly<Record<string, string>>;
}

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 20_000;

/** A program of the sample as a child process; it ends with this one, however this one ends (life-line.cjs). */
export class Program {
  readonly #ready = deferred<RegExpExecArray>();
  readonly #ended = deferred<number>();
  readonly #child: ChildProcess;

  private constructor({ script, ready, env, onOutput, onError }: ProgramOptions) {
    const lifeLine = join(ROOT, 'tools', 'start', 'shop', 'life-line.cjs');
    this.#child = spawn(process.execPath, ['--require', lifeLine, join(ROOT, 'dist', 'sample-app', script)], {
      detached: true, // out of reach of the terminal's Ctrl-C: it ends in its turn, before the database does
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }), // the program itself sees a pipe in any case
        ...env,
      },
    });
    this.#child.stdin?.on('error', () => undefined); // its end is noticed below
    eachLine(this.#child.stdout, (line) => {
      const found = ready.exec(line);
      if (found === null) onOutput(line);
      else this.#ready.resolve(found);
    });
    eachLine(this.#child.stderr, onError);
    // Not 'exit': what it said last must be read first.
    this.#child.once('close', (code) => this.#ended.resolve(code ?? 1));
    this.#child.once('error', () => this.#ended.resolve(1));
  }

  /** @throws StartError if it ends instead of being up; it has said why */
  static async start(options: ProgramOptions): Promise<{ program: Program; said: RegExpExecArray }> {
    const program = new Program(options);
    const said = await within(
      READY_WITHIN_MS,
      `Starting the ${options.name}`,
      Promise.race([program.#ready.promise, program.#ended.promise.then(() => undefined)]),
    );
    if (said === undefined) throw new StartError(`The ${options.name} could not start; the reason stands above.`);
    return { program, said };
  }

  /** Its exit code, once it has ended. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    try {
      await within(STOP_WITHIN_MS, 'Stopping a program', this.#ended.promise);
    } catch {
      this.#child.kill('SIGKILL');
      await this.#ended.promise;
    }
  }
}

function eachLine(stream: Readable | null, take: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', take);
}
