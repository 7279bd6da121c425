// @ts-check
'use strict';
/**
 * Keeps one temporary directory and the processes started in it, and ends with whoever started it.
 *
 * Its standard input is the life line: when the other end closes, for whatever reason (a normal end, Ctrl-C, kill -9),
 * the keeper stops its processes by their own pids, removes the directory and exits. Plain JavaScript on purpose: it
 * is run by node as it stands, whether the tools were compiled or are imported by jest. The protocol is protocol.ts.
 */
const { spawn } = require('node:child_process');
const { chownSync, mkdtempSync, openSync, closeSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const { createInterface } = require('node:readline');

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */
/** @type {import('./protocol').KeeperOptions} */
const options = JSON.parse(process.argv[2] ?? '{}');
/** @type {Map<number, { child: ChildProcess, stopSignal: NodeJS.Signals, stopWithinMs: number }>} */
const kept = new Map();
/** @type {string | undefined} */
let directory;
let ending = false;

/** @param {import('./protocol').KeeperEvent} event */
function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/** @param {Extract<import('./protocol').KeeperRequest, { do: 'spawn' }>} request */
function spawnKept({ id, command, args, env, owner, log, stopSignal, stopWithinMs }) {
  const output = openSync(join(String(directory), log), 'a');
  const child = spawn(command, args, {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
    ...(owner && { uid: owner.uid, gid: owner.gid }),
  });
  closeSync(output);
  child.once('spawn', () => {
    kept.set(id, { child, stopSignal, stopWithinMs });
    tell({ event: 'spawned', id, pid: Number(child.pid) });
  });
  child.once('error', (error) => {
    if (!kept.has(id)) tell({ event: 'failed', id, message: error.message });
  });
  child.once('exit', (code, signal) => {
    kept.delete(id);
    tell({ event: 'exited', id, code, signal });
  });
}

/** @param {import('./protocol').KeeperRequest} request */
function obey(request) {
  if (request.do === 'spawn') return spawnKept(request);
  // The child is this process's own and not yet reaped, so its pid cannot belong to anybody else.
  kept.get(request.id)?.child.kill(request.signal);
  tell({ event: 'signalled', id: request.id });
}

/** @param {{ child: ChildProcess, stopSignal: NodeJS.Signals, stopWithinMs: number }} entry */
function stopKept({ child, stopSignal, stopWithinMs }) {
  return new Promise((resolve) => {
    const limit = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    child.once('exit', () => {
      clearTimeout(limit);
      resolve(undefined);
    });
    child.kill(stopSignal);
    child.kill('SIGCONT'); // a process held by SIGSTOP would not see the signal before
  });
}

/** @param {number} code */
async function end(code) {
  if (ending) return;
  ending = true;
  await Promise.all([...kept.values()].map(stopKept));
  // Children of a killed PostgreSQL may write for a moment longer, hence the retries.
  if (directory) rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  process.exit(code);
}

process.on('SIGINT', () => {}); // Ctrl-C is for the process at the other end, which decides what it means
process.on('SIGHUP', () => {});
process.on('SIGTERM', () => void end(0));
process.on('uncaughtException', (error) => {
  tell({ event: 'broken', message: error.message });
  void end(1);
});
process.stdout.on('error', () => {}); // nobody is left to tell
process.stdin.on('error', () => void end(0));

directory = mkdtempSync(join(options.parent, options.prefix));
if (options.owner) chownSync(directory, options.owner.uid, options.owner.gid);
createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line)))
  .on('close', () => void end(0));
tell({ event: 'ready', directory });
