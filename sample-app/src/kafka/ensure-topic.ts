import { Kafka } from 'kafkajs';
import { kafkaLog } from './kafka-log';

export interface TopicToMake {
  readonly clientId: string;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
}

/**
 * Makes the topic with a deliberate number of partitions, unless it exists. For development; in production topics are made by whoever
 * runs the brokers, with replicas.
 */
export async function ensureTopic({ clientId, brokers, topic, partitions }: TopicToMake): Promise<void> {
  // One try: the caller repeats it.
  const kafka = new Kafka({ clientId, brokers: [...brokers], logCreator: kafkaLog, retry: { retries: 0 } });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const topics = await admin.listTopics();
    if (!topics.includes(topic)) {
      await admin.createTopics({
        topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
        waitForLeaders: true,
      });
    }
  } finally {
    await admin.disconnect();
  }
}
