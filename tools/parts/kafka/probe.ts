import { Kafka, logLevel } from 'kafkajs';
import { PartsError } from '../errors';

const ANSWER_WITHIN_MS = 5000;

/** Rejects unless the broker accepts, lists its topics, and (if an id is given) is the one meant. */
export async function probeKafka(brokers: readonly string[], clusterId?: string): Promise<void> {
  const kafka = new Kafka({
    clientId: 'nestjs-outboxed-parts',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: ANSWER_WITHIN_MS,
    requestTimeout: ANSWER_WITHIN_MS,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    await admin.listTopics();
    const cluster = await admin.describeCluster();
    if (clusterId !== undefined && cluster.clusterId !== clusterId) {
      throw new PartsError(`another broker answers on ${brokers.join(',')}`);
    }
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
