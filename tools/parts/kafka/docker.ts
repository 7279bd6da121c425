import { ContainerControl } from '../docker/container-control';
import type { Log } from '../log';
import { freePorts } from '../service/free-ports';
import { KafkaPart } from '../service/part';
import { withProgress } from '../time';
import { probeKafka } from './probe';

const IMAGE = 'confluentinc/cp-kafka:8.0.0';
const PORT = 9093;

export async function startDockerKafka(log: Log): Promise<KafkaPart> {
  const { KafkaContainer } = await import('@testcontainers/kafka');
  const [host] = await freePorts(1);
  log(`Kafka: starting ${IMAGE} in Docker`);
  const container = new KafkaContainer(IMAGE)
    .withKraft()
    .withEnvironment({
      KAFKA_NUM_PARTITIONS: '6',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '1',
    })
    .withExposedPorts({ container: PORT, host: Number(host) });
  const started = await withProgress(
    log,
    (seconds) => Promise.resolve(`Kafka: the container is not up yet (${seconds} s; a first start pulls the image)`),
    container.start(),
  );
  const brokers = [`${started.getHost()}:${started.getMappedPort(PORT)}`];
  const control = new ContainerControl(started, () => probeKafka(brokers));
  await control.untilReady().catch(async (error: unknown) => {
    await control.stop();
    throw error;
  });
  return new KafkaPart('docker', control, brokers);
}
