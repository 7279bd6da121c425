// @ts-check
'use strict';
/**
 * What every command does first, so that it works from a fresh clone: look at Node, install the packages, build. It runs before
 * anything is installed, so it is plain JavaScript without packages.
 */
const { join } = require('node:path');
const { build } = require('./build.cjs');
const { install } = require('./install.cjs');
const { withLock } = require('./lock.cjs');
const { nodeFault } = require('./node-version.cjs');
const { PrepareError, stopSteps } = require('./run-step.cjs');

const ROOT = join(__dirname, '..', '..');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** One at a time, should two commands meet in one checkout. */
async function prepare() {
  const tooOld = nodeFault(process.versions.node);
  if (tooOld !== undefined) throw new PrepareError(tooOld);
  const stop = () => {
    stopSteps();
    process.exit(130);
  };
  SIGNALS.forEach((signal) => process.on(signal, stop));
  await withLock(ROOT, async () => {
    await install(ROOT);
    await build(ROOT);
  });
  SIGNALS.forEach((signal) => process.off(signal, stop));
}

/**
 * Ends the process with the code that `command` gives; a step that failed has shown why.
 *
 * @param {() => Promise<number>} command
 */
function exitWith(command) {
  command().then(
    (code) => process.exit(code),
    (error) => {
      process.stderr.write(`${error instanceof PrepareError ? error.message : String(error && error.stack)}\n`);
      process.exit(1);
    },
  );
}

/**
 * Prepares, and goes on in this process with a script that the build has made.
 *
 * @param {string} script
 */
function prepareAndRun(script) {
  prepare().then(
    () => require(join(ROOT, script)),
    (error) => {
      process.stderr.write(`${error instanceof PrepareError ? error.message : String(error && error.stack)}\n`);
      process.exit(1);
    },
  );
}

module.exports = { prepare, prepareAndRun, exitWith, ROOT };
