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
import { javaArguments, newClusterId, serverProperties, shellCommand, type BrokerPlace } from './broker-files';
import { cachedJars } from './jars';
import { findJava } from './java';
import { cacheDirectory, FETCH, KAFKA_VERSION } from './maven';
import { probeKafka } from './probe';

const FORMAT_WITHIN_MS = 60_000;
/** After a kill, the port and the lock of the data folder are free only when the system has cleaned up. */
const TRANSIENT = /address already in use|failed to bind|failed to acquire lock/i;

/** What brokers of this machine are run with. */
interface Machine {
  readonly java: string;
  readonly jars: string;
  readonly isShortLived: boolean;
  readonly log: Log;
}

interface BrokerOfCluster extends Omit<BrokerPlace, 'directory'> {
  readonly clusterId: string;
}

/** A real broker, run by the local JDK. */
export async function startLocalKafka(log: Log, isShortLived: boolean): Promise<KafkaPart> {
  const machine = await findMachine(log, isShortLived);
  return withFreePorts(2, ([port, controllerPort]) =>
    startBroker(machine, {
      nodeId: 1,
      port: Number(port),
      controllerPort: Number(controllerPort),
      clusterId: newClusterId(),
    }),
  );
}

/** Two brokers of one cluster. The first is the controller: without it no leader moves. */
export async function startLocalPair(log: Log): Promise<[KafkaPart, KafkaPart]> {
  const machine = await findMachine(log, true);
  return withFreePorts(3, async (ports) => {
    const [port = 0, otherPort = 0, controllerPort = 0] = ports;
    const cluster = { controllerPort, clusterId: newClusterId() };
    const starting = [
      startBroker(machine, { ...cluster, nodeId: 1, port }),
      startBroker(machine, { ...cluster, nodeId: 2, port: otherPort }),
    ] as const;
    try {
      return await Promise.all(starting);
    } catch (error) {
      const started = await Promise.allSettled(starting);
      await Promise.all(started.map(async (broker) => broker.status === 'fulfilled' && (await broker.value.stop())));
      throw error;
    }
  });
}

async function findMachine(log: Log, isShortLived: boolean): Promise<Machine> {
  const java = await findJava();
  return { java, log, isShortLived, jars: await cachedJars({ directory: cacheDirectory(), fetch: FETCH, log }) };
}

async function startBroker(machine: Machine, broker: BrokerOfCluster): Promise<KafkaPart> {
  const keeper = await Keeper.open({ parent: tmpdir(), prefix: 'nestjs-outboxed-kafka-' });
  try {
    return await startIn(keeper, machine, broker);
  } catch (error) {
    await keeper.close();
    throw error;
  }
}

async function startIn(
  keeper: Keeper,
  { java, jars, isShortLived, log }: Machine,
  { clusterId, ...broker }: BrokerOfCluster,
) {
  const { directory } = keeper;
  const { port } = broker;
  const properties = join(directory, 'server.properties');
  const args = javaArguments(jars, directory, isShortLived);
  const base = { command: java, log: 'broker.log', stopSignal: 'SIGTERM', stopWithinMs: 15_000 } as const;

  log(`Kafka: starting a broker (Apache Kafka ${KAFKA_VERSION}, local JDK) on 127.0.0.1:${port}`);
  await writeFile(properties, serverProperties({ ...broker, directory }));
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
