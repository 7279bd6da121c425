import { requireDocker } from '../docker/engine';
import { logToStderr, type Log } from '../log';
import { ExternalControl } from '../service/external-control';
import { firstThatServes } from '../service/first-that-serves';
import { KafkaPart } from '../service/part';
import type { StartOptions } from '../service/start-options';
import { startDockerKafka } from './docker';
import { startLocalKafka, startLocalPair } from './local';
import { probeKafka } from './probe';

/** Kafka from KAFKA_BROKERS, else from Docker, else a real broker fetched with Maven and run by the local JDK. */
export function startKafkaBroker({ log = logToStderr, own = false }: StartOptions = {}): Promise<KafkaPart> {
  const named = own ? undefined : process.env['KAFKA_BROKERS'];
  return firstThatServes(
    {
      what: 'Kafka',
      external: { name: 'KAFKA_BROKERS', value: named, serve: () => useExternalKafka(named ?? '', log) },
      others: [
        { name: 'Docker', serve: () => startInDocker(log) },
        { name: 'local broker', serve: () => startLocalKafka(log, own) },
      ],
      advice: 'Install Docker, or a JDK (17 or newer) with Maven; or set KAFKA_BROKERS to a broker that runs.',
    },
    log,
  );
}

/** Two brokers of one cluster, to break one of: always run by the local JDK. The second may end without the first, and not the other way round. */
export function startKafkaPair({ log = logToStderr }: Pick<StartOptions, 'log'> = {}): Promise<[KafkaPart, KafkaPart]> {
  return startLocalPair(log);
}

async function useExternalKafka(named: string, log: Log): Promise<KafkaPart> {
  const brokers = named.split(',').map((broker) => broker.trim());
  log(`Kafka: using the one in KAFKA_BROKERS (${brokers.join(', ')})`);
  await probeKafka(brokers);
  return new KafkaPart('external', new ExternalControl('KAFKA_BROKERS'), brokers);
}

async function startInDocker(log: Log): Promise<KafkaPart> {
  await requireDocker();
  return startDockerKafka(log);
}
