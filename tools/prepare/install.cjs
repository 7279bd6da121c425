// @ts-check
'use strict';
const { statSync } = require('node:fs');
const { join } = require('node:path');
const { runStep } = require('./run-step.cjs');

/**
 * Installs the packages, unless that was done since package-lock.json last changed.
 *
 * @param {string} root
 */
async function install(root) {
  // npm writes this file last.
  const installed = changedAt(join(root, 'node_modules', '.package-lock.json'));
  if (installed >= changedAt(join(root, 'package-lock.json'))) return;
  await npm(root, 'ci');
}

/**
 * @param {string} root
 * @param {readonly string[]} args
 */
function npm(root, ...args) {
  const windows = process.platform === 'win32';
  return runStep(
    `installing the packages (npm ${args.join(' ')})`,
    windows ? 'npm.cmd' : 'npm',
    [...args, '--no-audit', '--no-fund'],
    {
      cwd: root,
      shell: windows,
    },
  );
}

/** @param {string} file */
function changedAt(file) {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? 0 : stats.mtimeMs;
}

module.exports = { install };
