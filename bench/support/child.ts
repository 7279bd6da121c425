import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnswerOf, ArgumentOf, Program, Reply, Request } from './protocol';
import type { Scope } from './scope';

const STOP_WITHIN_MS = 20_000;

/** All that run. Whatever way this process ends, short of kill -9, it ends them; after that they see the channel close. */
const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A program of the benchmark in a process of its own, so that it has its own core's worth of Node. */
export class Child<P extends Program> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  readonly #ended: Promise<unknown>;
  #asked = 0;

  /** @param script path of the compiled program below bench/, without its extension */
  constructor(
    scope: Scope,
    private readonly script: string,
  ) {
    this.#process = fork(join(__dirname, '..', `${script}.js`), {
      detached: true, // out of reach of the terminal's Ctrl-C: it is ended from here
      execArgv: [],
      // Standard output belongs to the result.
      stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
    });
    running.add(this.#process);
    this.#ended = once(this.#process, 'exit').catch(() => undefined);
    this.#process.on('message', (reply: Reply) => this.#hear(reply));
    this.#process.on('error', () => undefined); // a message to one that has just ended
    this.#process.once('exit', () => {
      running.delete(this.#process);
      this.#waiting.forEach(({ reject }) => reject(new Error(`${script} ended before it answered`)));
    });
    scope.onEnd(() => this.kill());
  }

  async ask<Name extends keyof P & string>(name: Name, argument: ArgumentOf<P, Name>): Promise<AnswerOf<P, Name>> {
    const id = this.#send(name, argument);
    return (await new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))) as AnswerOf<
      P,
      Name
    >;
  }

  /** Asks, and does not wait. */
  tell<Name extends keyof P & string>(name: Name, argument: ArgumentOf<P, Name>): void {
    this.#send(name, argument);
  }

  /** Sends the signal, now. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Ends it as a platform would: SIGTERM, and SIGKILL if it takes too long. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await Promise.race([this.#ended, sleep(STOP_WITHIN_MS, undefined, { ref: false })]);
    await this.kill();
  }

  async kill(): Promise<void> {
    if (running.has(this.#process)) {
      this.signal('SIGKILL');
      await this.#ended;
    }
  }

  #send(name: string, argument: unknown): number {
    if (!this.#process.connected) {
      throw new Error(`${this.script} has ended`);
    }
    const request: Request = { id: ++this.#asked, name, argument };
    this.#process.send(request);
    return request.id;
  }

  #hear(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('error' in reply) {
      waiting?.reject(new Error(`${this.script}: ${reply.error}`));
    } else {
      waiting?.resolve(reply.answer);
    }
  }
}
