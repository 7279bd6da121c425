import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedJars } from '../../../../tools/parts/kafka/jars';

const BRINGS = `fs.mkdirSync("libs"); fs.writeFileSync("libs/a.jar", "aaaa"); fs.writeFileSync("libs/b.jar", "bb");`;
const BREAKS = `fs.mkdirSync("libs"); fs.writeFileSync("libs/a.jar", "aa");
  console.log("[ERROR] network is down"); process.exit(1)`;

describe('the cache of jars', () => {
  let home: string;
  let directory: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'jars-spec-'));
    directory = join(home, 'caches', 'kafka');
  });

  afterEach(() => rm(home, { recursive: true }));

  const jars = (script: string): Promise<string> =>
    cachedJars({ directory, fetch: { command: process.execPath, args: ['-e', script] }, log: () => undefined });
  const cached = async (): Promise<string[]> => (await readdir(directory)).sort();
  const beside = (): Promise<string[]> => readdir(join(home, 'caches'));

  it('is filled once, and needs no fetching after that', async () => {
    await expect(jars(BRINGS)).resolves.toBe(directory);
    await expect(jars('process.exit(1)')).resolves.toBe(directory);
    expect(await cached()).toEqual(['a.jar', 'b.jar', 'jars.json']);
    expect(await beside()).toEqual(['kafka']);
  });

  it('is not there after a failed fetch, which names its cause and leaves nothing behind', async () => {
    await expect(jars(BREAKS)).rejects.toThrow('fetching the broker failed: network is down');
    expect(existsSync(directory)).toBe(false);
    expect(await beside()).toEqual([]);
    await expect(jars(BRINGS)).resolves.toBe(directory);
  });

  it('is not there after a fetch that brought nothing', async () => {
    await expect(jars('')).rejects.toThrow('brought no jars');
    expect(existsSync(directory)).toBe(false);
  });

  it('says so when there is nothing to fetch with', async () => {
    const fetch = { command: join(home, 'no-such-program'), args: [] };
    await expect(cachedJars({ directory, fetch, log: () => undefined })).rejects.toThrow('no Maven');
    expect(await beside()).toEqual([]);
  });

  it('may be filled by two runs at once', async () => {
    await expect(Promise.all([jars(BRINGS), jars(BRINGS), jars(BRINGS)])).resolves.toEqual(Array(3).fill(directory));
    expect(await cached()).toEqual(['a.jar', 'b.jar', 'jars.json']);
    expect(await beside()).toEqual(['kafka']);
  });

  it('is filled anew when a jar is missing or cut short', async () => {
    await jars(BRINGS);
    await writeFile(join(directory, 'a.jar'), 'a');
    await jars(BRINGS);
    await rm(join(directory, 'b.jar'));
    await jars(BRINGS);
    expect(await cached()).toEqual(['a.jar', 'b.jar', 'jars.json']);
    await expect(jars('process.exit(1)')).resolves.toBe(directory);
    expect(await beside()).toEqual(['kafka']);
  });

  it('says how far it is while it is being filled', async () => {
    const lines: string[] = [];
    await cachedJars({
      directory,
      fetch: {
        command: process.execPath,
        args: ['-e', `console.log("Downloaded from x: a.jar (2 MB at 1 MB/s)"); setTimeout(() => { ${BRINGS} }, 400)`],
      },
      log: (line) => lines.push(line),
      sayEveryMs: 100,
    });
    expect(lines).toContainEqual(expect.stringMatching(/^Kafka: 1 jars, 2\.0 MB so far \(\d+ s\)$/));
  });
});
