import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { deferred, within } from '../../parts/time';
import { ROOT } from '../root';
import { StartError } from '../start.error';

export interface ShopOptions {
  /** As PORT takes it; '0': any free one. */
  readonly port: string;
  readonly databaseUrl: string;
  /** Null: no Kafka. */
  readonly brokers: readonly string[] | null;
  /** Takes the lines that the shop prints. */
  readonly onOutput: (line: string) => void;
  readonly onError: (line: string) => void;
}

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 20_000;
const READY = /^The shop serves (http:\S+)$/;

/** The shop as a child process; it ends with this one, however this one ends (life-line.cjs). */
export class Shop {
  readonly #url = deferred<string>();
  readonly #ended = deferred<number>();
  readonly #child: ChildProcess;

  private constructor({ port, databaseUrl, brokers, onOutput, onError }: ShopOptions) {
    const lifeLine = join(ROOT, 'tools', 'start', 'shop', 'life-line.cjs');
    this.#child = spawn(process.execPath, ['--require', lifeLine, join(ROOT, 'dist', 'sample-app', 'main.js')], {
      detached: true, // out of reach of the terminal's Ctrl-C: it ends in its turn, before the database does
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }), // the shop itself sees a pipe in any case
        PORT: port,
        DATABASE_URL: databaseUrl,
        KAFKA_BROKERS: brokers === null ? 'none' : brokers.join(','),
      },
    });
    this.#child.stdin?.on('error', () => undefined); // its end is noticed below
    eachLine(this.#child.stdout, (line) => {
      const [, url] = READY.exec(line) ?? [];
      if (url === undefined) onOutput(line);
      else this.#url.resolve(url);
    });
    eachLine(this.#child.stderr, onError);
    // Not 'exit': what it said last must be read first.
    this.#child.once('close', (code) => this.#ended.resolve(code ?? 1));
    this.#child.once('error', () => this.#ended.resolve(1));
  }

  /** @throws StartError if it ends instead of serving; it has said why */
  static async start(options: ShopOptions): Promise<Shop> {
    const shop = new Shop(options);
    const url = await within(
      READY_WITHIN_MS,
      'Starting the shop',
      Promise.race([shop.#url.promise, shop.#ended.promise.then(() => undefined)]),
    );
    if (url === undefined) throw new StartError('The shop could not start; the reason stands above.');
    return shop;
  }

  get url(): Promise<string> {
    return this.#url.promise;
  }

  /** Its exit code, once it has ended. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    try {
      await within(STOP_WITHIN_MS, 'Stopping the shop', this.#ended.promise);
    } catch {
      this.#child.kill('SIGKILL');
      await this.#ended.promise;
    }
  }
}

function eachLine(stream: Readable | null, take: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', take);
}
