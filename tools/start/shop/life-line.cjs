// @ts-check
'use strict';
/**
 * Loaded into the shop before its own code (node --require). Standard input is the line to whoever started it: when the other end
 * closes, for whatever reason (a normal end, kill -9), the shop ends as after Ctrl-C.
 */
const END_WITHIN_MS = 15000;

const end = () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), END_WITHIN_MS).unref();
};
process.stdin.on('end', end).on('error', end).resume();
// The line alone must not keep the shop alive.
/** @type {import('node:net').Socket} */ (/** @type {unknown} */ (process.stdin)).unref();
// Nobody is left to read what it says while it ends.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
