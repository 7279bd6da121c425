import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What a check says of a copy of the repository. `broken`: it could not be run, which says nothing. */
export type Answer = 'passed' | 'failed' | 'broken';

// What waits in vain for what a safeguard would have brought takes its time to fail.
const TESTS_WITHIN_MS = 900_000;
const CHAOS_WITHIN_MS = 400_000;
const BUILD_WITHIN_MS = 300_000;

/** Not with jest's --bail, which ends it before the result is written. */
export async function runTests(
  root: string,
  paths: readonly string[],
  env: NodeJS.ProcessEnv,
  onFailed: (test: string) => void,
): Promise<Answer> {
  const projects = [...new Set(paths.map((path) => path.split('/')[1] ?? ''))];
  const result = join(root, 'result.json');
  rmSync(result, { force: true });
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  await runNode(
    root,
    [jest, ...paths, '--selectProjects', ...projects, '--json', `--outputFile=${result}`, '--silent'],
    TESTS_WITHIN_MS,
    env,
  );
  try {
    const said = JSON.parse(readFileSync(result, 'utf8')) as JestResult;
    const ran = said.numPassedTests + said.numFailedTests;
    if (ran === 0 || said.numRuntimeErrorTestSuites > 0) {
      return 'broken';
    }
    said.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === 'failed')
      .forEach(({ fullName }) => onFailed(fullName));
    return said.numFailedTests > 0 ? 'failed' : 'passed';
  } catch {
    return 'broken';
  }
}

interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** What a chaos run needs. */
export async function build(root: string): Promise<boolean> {
  const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const library = await runNode(root, [nest, 'build', 'lib'], BUILD_WITHIN_MS);
  const chaos = await runNode(root, [tsc, '-p', 'test/chaos/tsconfig.chaos.json'], BUILD_WITHIN_MS);
  return library.code === 0 && chaos.code === 0;
}

/** A chaos run has an opinion if its last line is its result. The history that it keeps is of no use beyond its copy of the sources. */
export async function runChaos(
  root: string,
  args: readonly string[],
  onFound: (what: string) => void,
): Promise<Answer> {
  const main = join(root, 'dist', 'chaos', 'test', 'chaos', 'main.js');
  const { code, stdout } = await runNode(root, [main, '--json', ...args], CHAOS_WITHIN_MS);
  const [, folder] = /^The history is kept in (\S+):/m.exec(stdout) ?? [];
  if (folder !== undefined) {
    rmSync(folder, { recursive: true, force: true });
  }
  const result = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!result.endsWith('}')) {
    return 'broken';
  }
  if (code !== 0) {
    onFound(result);
  }
  return code === 0 ? 'passed' : 'failed';
}

function runNode(
  cwd: string,
  args: readonly string[],
  withinMs: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'ignore'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const limit = setTimeout(() => child.kill('SIGKILL'), withinMs);
  const stop = (): void => void child.kill('SIGTERM');
  process.once('exit', stop);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(limit);
      process.off('exit', stop);
      resolve({ code, stdout });
    });
  });
}
