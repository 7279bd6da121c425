import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { endedAtLast } from './cleanup';

const root = join(__dirname, '../../..');

export interface Program {
  /** What it has printed so far. */
  readonly output: { stdout: string; stderr: string };
  /** Its exit code, when it has ended. */
  readonly exit: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a script of this repository with Node, as a user would, with nothing in its environment but what is given. */
export function startProgram(script: string, args: readonly string[], env: Readonly<Record<string, string>>): Program {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  endedAtLast(async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
    }
    await exit;
  });
  return { output, exit, kill: (signal) => void child.kill(signal) };
}
