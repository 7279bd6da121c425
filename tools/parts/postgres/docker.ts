import { ContainerControl } from '../docker/container-control';
import type { Log } from '../log';
import { DatabasePart } from '../service/part';
import { freePorts } from '../service/free-ports';
import { withProgress } from '../time';
import { probePostgres } from './probe';
import { SETTINGS } from './settings';

const IMAGE = 'postgres:18-alpine';
const PORT = 5432;

export async function startDockerPostgres(log: Log): Promise<DatabasePart> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const [host] = await freePorts(1);
  log(`PostgreSQL: starting ${IMAGE} in Docker`);
  const container = new PostgreSqlContainer(IMAGE)
    .withExposedPorts({ container: PORT, host: Number(host) })
    .withCommand(['postgres', ...SETTINGS.flatMap((setting) => ['-c', setting])]);
  const started = await withProgress(
    log,
    (seconds) =>
      Promise.resolve(`PostgreSQL: the container is not up yet (${seconds} s; a first start pulls the image)`),
    container.start(),
  );
  const url = started.getConnectionUri();
  return new DatabasePart('docker', new ContainerControl(started, () => probePostgres(url)), url);
}
