// @ts-check
'use strict';
/** `npm run proof`: runs each proof at length, and keeps what it prints in docs/proof/. */
const { spawn } = require('node:child_process');
const { createWriteStream, mkdirSync } = require('node:fs');
const { join } = require('node:path');
const { exitWith, prepare, ROOT } = require('./prepare/prepare.cjs');

/** Each by the name of its file. @type {Readonly<Record<string, { script: string, args: readonly string[] }>>} */
const PROOFS = {
  chaos: { script: 'dist/chaos/test/chaos/main.js', args: ['--seconds', '1800', '--json'] },
  bench: { script: 'dist/bench/bench/main.js', args: ['--json'] },
};

const folder = join(ROOT, 'docs', 'proof');

/**
 * @param {string} name
 * @param {string} script
 * @param {readonly string[]} args
 * @returns {Promise<boolean>} whether it held
 */
function prove(name, script, args) {
  const child = spawn(process.execPath, [join(ROOT, script), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const file = createWriteStream(join(folder, `${name}.txt`));
  for (const [from, to] of /** @type {const} */ ([
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ])) {
    from.on('data', (data) => {
      to.write(data);
      file.write(data);
    });
  }
  // Ctrl-C reaches the child by itself, which ends what it has started; SIGTERM is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('close', (code) => file.end(() => resolve(code === 0))));
}

exitWith(async () => {
  await prepare();
  mkdirSync(folder, { recursive: true });
  let held = true;
  for (const [name, { script, args }] of Object.entries(PROOFS)) {
    held = (await prove(name, script, args)) && held;
  }
  return held ? 0 : 1;
});
