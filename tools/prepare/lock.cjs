// @ts-check
'use strict';
const { createHash } = require('node:crypto');
const { readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const LOOK_EVERY_MS = 300;

/**
 * Runs the work when no other process does it for the same checkout. The lock of a process that was killed counts for nothing.
 *
 * @param {string} root
 * @param {() => Promise<void>} work
 */
async function withLock(root, work) {
  const file = join(tmpdir(), `nestjs-outboxed-start-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
  for (let told = false; !take(file);) {
    const holder = Number(read(file));
    if (!runs(holder)) rmSync(file, { force: true });
    else {
      if (!told)
        process.stderr.write(
          `[prepare] waiting for another command in this checkout (pid ${holder}) to install and build\n`,
        );
      told = true;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/** @param {string} file */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // released in this moment
  }
}

/** @param {number} pid */
function runs(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

module.exports = { withLock };
