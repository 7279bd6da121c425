// @ts-check
'use strict';
/** `npm test`: from a fresh clone to tested. What follows `--` goes to jest: `npm test -- test/unit`. */
const { spawn } = require('node:child_process');
const { join } = require('node:path');
const { exitWith, prepare, ROOT } = require('./prepare/prepare.cjs');

exitWith(async () => {
  await prepare();
  const jest = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit' });
  // Ctrl-C reaches jest by itself, which ends what it has started; SIGTERM is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code === null ? 1 : code)));
});
