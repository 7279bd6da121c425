import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PartsError } from '../errors';
import { Keeper } from '../keeper/keeper';
import type { Log } from '../log';
import { within, withProgress } from '../time';
import { downloadFailure, downloadProgress, FETCHED, POM } from './maven';

export interface JarCache {
  /** Where the jars stay. */
  readonly directory: string;
  /** Run in a folder with the pom; leaves the jars in its folder `libs`. */
  readonly fetch: { readonly command: string; readonly args: readonly string[] };
  readonly log: Log;
  /** How often it says how far it is. */
  readonly sayEveryMs?: number;
}

/** Written last into a filled cache: the name and size of every jar. */
const MANIFEST = 'jars.json';
const FETCH_WITHIN_MS = 15 * 60_000;

/**
 * The folder with Kafka's jars, filled on first use. It is filled next to its place and moved there whole, so that a
 * half download never counts and two runs may fill it at once: the second one finds the first one's and takes it.
 */
export async function cachedJars(cache: JarCache): Promise<string> {
  const { directory, fetch, log } = cache;
  if (await isComplete(directory)) return directory;
  log(`Kafka: fetching the broker with ${basename(fetch.command)} (once, about 45 MB, into ${directory})`);
  await mkdir(dirname(directory), { recursive: true });
  const keeper = await Keeper.open({ parent: dirname(directory), prefix: `${basename(directory)}.part-` });
  try {
    await run(keeper, cache);
    const jars = join(keeper.directory, FETCHED);
    await writeManifest(jars);
    await putInPlace(jars, directory, join(keeper.directory, 'broken'));
  } catch (error) {
    if (!(await isComplete(directory))) throw error; // else another run was faster
  } finally {
    await keeper.close();
  }
  return directory;
}

async function run(keeper: Keeper, { fetch, log, sayEveryMs = 3000 }: JarCache): Promise<void> {
  await writeFile(join(keeper.directory, 'pom.xml'), POM);
  const output = 'fetch.log';
  const fetching = await keeper
    .spawn({ ...fetch, log: output, stopSignal: 'SIGTERM', stopWithinMs: 5000 })
    .catch(() => Promise.reject(new PartsError(`no Maven to fetch the broker with (${fetch.command} not found)`)));
  const { code } = await withProgress(
    log,
    async (seconds) => `Kafka: ${downloadProgress(await keeper.output(output))} (${seconds} s)`,
    within(FETCH_WITHIN_MS, 'Fetching the broker', fetching.exited),
    sayEveryMs,
  );
  if (code !== 0) {
    throw new PartsError(`fetching the broker failed: ${downloadFailure(await keeper.output(output))}`);
  }
}

async function putInPlace(jars: string, directory: string, aside: string): Promise<void> {
  try {
    await rename(jars, directory);
  } catch (error) {
    if (await isComplete(directory)) return;
    // What stands there is broken: out of the way with it. It is removed together with the temporary folder.
    await rename(directory, aside).catch(() => Promise.reject(error as Error));
    await rename(jars, directory);
  }
}

async function writeManifest(jars: string): Promise<void> {
  const names = await readdir(jars).catch(() => []);
  if (names.length === 0) throw new PartsError('fetching the broker brought no jars');
  const entries = await Promise.all(names.map(async (name) => [name, (await stat(join(jars, name))).size] as const));
  await writeFile(join(jars, MANIFEST), JSON.stringify(Object.fromEntries(entries), undefined, 1));
}

async function isComplete(directory: string): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(directory, MANIFEST), 'utf8')) as Record<string, number>;
    const sizes = Object.entries(manifest).map(
      async ([name, size]) => (await stat(join(directory, name))).size === size,
    );
    return (await Promise.all(sizes)).every(Boolean);
  } catch {
    return false;
  }
}
