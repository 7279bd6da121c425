import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copySources } from '../copy/copy-sources';
import { combinations, type Combination } from './combinations';

const root = join(__dirname, '../../..');
const usage = 'npm run matrix -- [--end] [path of tests ...]';

/** Where the versions of Nest and TypeORM make a difference. */
const defaultTests = [
  'test/integration/transaction',
  'test/integration/write',
  'test/integration/store',
  'test/integration/module',
];

/**
 * Runs integration tests under the other supported versions of Nest and TypeORM, each in a copy of this repository. `--end`: only the
 * oldest ones, as `npm test` has run the newest.
 */
function main(args: readonly string[]): number {
  const wrong = args.find((arg) => arg.startsWith('-') && arg !== '--end');
  if (wrong !== undefined) {
    process.stderr.write(`${wrong} is not known; use: ${usage}\n`);
    return 1;
  }
  const paths = args.filter((arg) => arg !== '--end');
  const chosen = args.includes('--end') ? combinations.slice(0, 1) : combinations;
  const failed = chosen.filter((combination) => !passes(combination, paths.length > 0 ? paths : defaultTests));
  for (const combination of chosen) {
    process.stdout.write(`matrix: ${combination.name}: ${failed.includes(combination) ? 'FAILED' : 'passed'}\n`);
  }
  return failed.length === 0 ? 0 : 1;
}

function passes({ name, packages }: Combination, paths: readonly string[]): boolean {
  const copy = mkdtempSync(join(tmpdir(), 'nestjs-outboxed-matrix-'));
  try {
    process.stderr.write(`[matrix] ${name}: installing\n`);
    copyRepository(copy);
    // The lock file is for the versions of the repository; --no-save leaves package.json as it is.
    const install = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--force', ...packages];
    execFileSync('npm', install, { cwd: copy, stdio: ['ignore', 'ignore', 'pipe'] });
    const versions = ['@nestjs/common', '@nestjs/schedule', 'typeorm'].map(
      (wanted) => `${wanted} ${installed(copy, wanted)}`,
    );
    process.stderr.write(`[matrix] ${name}: testing with ${versions.join(', ')}\n`);
    const jest = join(copy, 'node_modules/jest/bin/jest.js');
    const run = spawnSync(process.execPath, [jest, ...paths, '--selectProjects=integration'], {
      cwd: copy,
      stdio: 'inherit',
    });
    return run.status === 0;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function installed(folder: string, name: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** With the installed packages, so that npm has to change little. */
function copyRepository(to: string): void {
  copySources(root, to);
  cpSync(join(root, 'node_modules'), join(to, 'node_modules'), { recursive: true, verbatimSymlinks: true });
}

process.exitCode = main(process.argv.slice(2));
