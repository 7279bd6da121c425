// @ts-check
'use strict';
const { spawn } = require('node:child_process');

/** Why nothing can be run; its message is for whoever called the command. */
class PrepareError extends Error {}

const SAY_EVERY_MS = 5000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * Says that it runs, and for how long; what the step prints is shown if it fails.
 *
 * @param {string} what
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, shell?: boolean }} options
 * @returns {Promise<void>}
 */
function runStep(what, command, args, options) {
  process.stderr.write(`[prepare] ${what}\n`);
  const begin = Date.now();
  const saying = setInterval(() => {
    process.stderr.write(`[prepare] ${what} (${Math.round((Date.now() - begin) / 1000)} s)\n`);
  }, SAY_EVERY_MS);
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  return new Promise((resolve, reject) => {
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    /** @param {string} how */
    const fail = (how) => reject(new PrepareError(`${output}${what} failed (${how}).`));
    child.once('error', (error) => fail(error.message));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else fail(signal === null ? `exit code ${code}` : signal);
    });
  }).finally(() => {
    clearInterval(saying);
    running.delete(child);
  });
}

function stopSteps() {
  running.forEach((child) => child.kill());
}

module.exports = { runStep, stopSteps, PrepareError };
