import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { PartsError, type Log } from '../parts';

const run = promisify(execFile);
/** For all of it: where packages cannot be had, the tests that need none shall not wait for long. */
const WITHIN_MS = 120_000;

/** Paths of the two programs. */
export interface Prometheus {
  readonly prometheus: string;
  readonly promtool: string;
}

/**
 * Prometheus as it is installed; else that of Debian's package, unpacked beside what else is kept for tests, without installing it.
 *
 * @throws PartsError if neither is to be had
 */
export async function findPrometheus(log: Log, env: NodeJS.ProcessEnv = process.env): Promise<Prometheus> {
  const cache = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nestjs-outboxed', 'prometheus-debian');
  const unpacked = join(cache, 'usr', 'bin');
  for (const folder of [...(env['PATH'] ?? '').split(delimiter), unpacked]) {
    const found = programsIn(folder);
    if (await bothRun(found)) {
      return found;
    }
  }
  await fetchPackage(cache, log);
  return programsIn(unpacked);
}

function programsIn(folder: string): Prometheus {
  return { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
}

async function bothRun({ prometheus, promtool }: Prometheus): Promise<boolean> {
  const checks = [prometheus, promtool].map((file) => access(file, constants.X_OK));
  return (await Promise.allSettled(checks)).every(({ status }) => status === 'fulfilled');
}

async function fetchPackage(cache: string, log: Log): Promise<void> {
  log("Prometheus: fetching Debian's package, 20 MB");
  await mkdir(join(cache, '..'), { recursive: true });
  // Beside its place, so that it can be moved there in one step.
  const directory = await mkdtemp(`${cache}-`);
  const signal = AbortSignal.timeout(WITHIN_MS);
  try {
    const content = join(directory, 'content');
    await run('dpkg-deb', ['--extract', await download(directory, signal), content], { signal });
    await rm(cache, { recursive: true, force: true });
    await rename(content, cache);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error);
    throw new PartsError(`no Prometheus: not installed, and Debian's package cannot be had (${reason})`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Without being root: with lists of packages of its own, if the machine has none that serve. */
async function download(directory: string, signal: AbortSignal): Promise<string> {
  const apt = (...parameters: string[]): Promise<unknown> => run('apt-get', parameters, { cwd: directory, signal });
  try {
    await apt('download', 'prometheus');
  } catch {
    const lists = join(directory, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    const own = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${join(directory, 'cache')}`];
    await apt(...own, 'update');
    await apt(...own, 'download', 'prometheus');
  }
  const file = (await readdir(directory)).find((name) => name.endsWith('.deb'));
  return join(directory, file ?? 'prometheus.deb');
}
