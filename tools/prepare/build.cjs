// @ts-check
'use strict';
const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { runStep } = require('./run-step.cjs');

/** @typedef {{ name: string, sources: readonly string[], entry: string, command: readonly string[] }} Project */

const NEST = 'node_modules/@nestjs/cli/bin/nest.js';
const TSC = 'node_modules/typescript/bin/tsc';
const SHARED = ['package.json', 'package-lock.json', 'tsconfig.json', 'nest-cli.json'];

/** @type {Readonly<Record<'library' | 'shop' | 'tools' | 'benchmark' | 'chaos', Project>>} */
const PROJECTS = {
  benchmark: {
    name: 'benchmark',
    sources: ['bench', 'tools', 'lib'],
    entry: 'dist/bench/bench/main.js',
    command: [TSC, '-p', 'bench/tsconfig.bench.json'],
  },
  chaos: {
    name: 'chaos run',
    sources: ['test/chaos', 'tools', 'lib'],
    entry: 'dist/chaos/test/chaos/main.js',
    command: [TSC, '-p', 'test/chaos/tsconfig.chaos.json'],
  },
  library: { name: 'library', sources: ['lib'], entry: 'dist/lib/index.js', command: [NEST, 'build', 'lib'] },
  // Compiled against the types of the built library.
  shop: {
    name: 'shop',
    sources: ['sample-app', 'lib'],
    entry: 'dist/sample-app/main.js',
    command: [NEST, 'build', 'sample-app'],
  },
  tools: {
    name: 'tools',
    sources: ['tools'],
    entry: 'dist/tools/start/main.js',
    command: [TSC, '-p', 'tools/tsconfig.tools.json'],
  },
};

/**
 * Builds what has changed since the last time.
 *
 * @param {string} root
 */
async function build(root) {
  await Promise.all([buildProject(root, PROJECTS.library), buildProject(root, PROJECTS.tools)]);
  await buildProject(root, PROJECTS.shop);
  await Promise.all([buildProject(root, PROJECTS.benchmark), buildProject(root, PROJECTS.chaos)]);
}

/**
 * @param {string} root
 * @param {Project} project
 */
async function buildProject(root, project) {
  const stamp = join(root, 'dist', '.start', project.name);
  const state = fingerprint(root, [...project.sources, ...SHARED]);
  if (existsSync(join(root, project.entry)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  await runStep(`building the ${project.name}`, process.execPath, project.command, { cwd: root });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, state);
}

/**
 * Names, sizes and times of the files: cheap, and different after any change.
 *
 * @param {string} root
 * @param {readonly string[]} paths
 */
function fingerprint(root, paths) {
  const hash = createHash('sha256');
  /** @param {string} path */
  const add = (path) => {
    const stats = statSync(join(root, path));
    if (stats.isDirectory())
      readdirSync(join(root, path))
        .sort()
        .forEach((name) => add(join(path, name)));
    else hash.update(`${path} ${stats.size} ${stats.mtimeMs}\n`);
  };
  paths.forEach(add);
  return hash.digest('hex');
}

module.exports = { build };
