import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EndedEarlyError } from '../errors';
import { Keeper } from '../keeper/keeper';
import type { Log } from '../log';
import { withFreePorts } from '../service/free-ports';
import { LocalService } from '../service/local-service';
import { KafkaPart } from '../service/part';
import { within } from '../time';
import { javaArguments, newClusterId, serverProperties, shellCommand } from './broker-files';
import { cachedJars } from './jars';
import { findJava } from './java';
import { cacheDirectory, FETCH, KAFKA_VERSION } from './maven';
import { probeKafka } from './probe';

const FORMAT_WITHIN_MS = 60_000;
/** After a kill, the port and the lock of the data folder are free only when the system has cleaned up. */
const TRANSIENT = /address already in use|failed to bind|failed to acquire lock/i;

/** A real broker, run by the local JDK. */
export async function startLocalKafka(log: Log): Promise<KafkaPart> {
  const java = await findJava();
  const jars = await cachedJars({ directory: cacheDirectory(), fetch: FETCH, log });
  return withFreePorts(2, async ([port, controllerPort]) => {
    const keeper = await Keeper.open({ parent: tmpdir(), prefix: 'nestjs-outboxed-kafka-' });
    try {
      return await startIn(keeper, java, jars, [Number(port), Number(controllerPort)], log);
    } catch (error) {
      await keeper.close();
      throw error;
    }
  });
}

async function startIn(keeper: Keeper, java: string, jars: string, ports: [number, number], log: Log) {
  const { directory } = keeper;
  const [port, controllerPort] = ports;
  const properties = join(directory, 'server.properties');
  const clusterId = newClusterId();
  const args = javaArguments(jars, directory);
  const base = { command: java, log: 'broker.log', stopSignal: 'SIGTERM', stopWithinMs: 15_000 } as const;

  log(`Kafka: starting a broker (Apache Kafka ${KAFKA_VERSION}, local JDK) on 127.0.0.1:${port}`);
  await writeFile(properties, serverProperties({ port, controllerPort, directory }));
  const format = await keeper.spawn({
    ...base,
    args: [...args, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties],
  });
  const { code } = await within(FORMAT_WITHIN_MS, 'Preparing the data folder', format.exited);
  if (code !== 0) throw new EndedEarlyError('StorageTool', `code ${code}`, await keeper.output(base.log));

  const brokers = [`127.0.0.1:${port}`];
  const run = [...args, 'kafka.Kafka', properties];
  const service = new LocalService(
    keeper,
    {
      label: 'Kafka',
      command: { ...base, args: run },
      probe: () => probeKafka(brokers, clusterId),
      readyWithinMs: 90_000,
      transient: TRANSIENT,
    },
    log,
  );
  await service.launch();
  return new KafkaPart('local', service, brokers, shellCommand([java, ...run]));
}
