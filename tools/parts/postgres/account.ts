import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PartsError } from '../errors';
import type { Owner } from '../keeper/protocol';

const run = promisify(execFile);

/** PostgreSQL refuses to run as root. Then it runs as `postgres` or, where there is no such user, as `nobody`. */
export async function accountForPostgres(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const owner = await lookUp(name);
    if (owner) return owner;
  }
  throw new PartsError('it cannot run as root, and there is no user "postgres" or "nobody" to run it as');
}

async function lookUp(name: string): Promise<Owner | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/** Whether any user may pass through the folder and all of its parents. */
export async function isOpenToAll(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) return false;
  const parent = dirname(resolve(folder));
  return parent === resolve(folder) || isOpenToAll(parent);
}
