import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type IHeaders } from 'kafkajs';
import { endedAtLast } from './cleanup';
import { eventually } from './eventually';

/** The brokers that the suites share; undefined if there are none (global-setup.ts has said so). */
const brokers = process.env['OUTBOX_TEST_KAFKA_BROKERS']?.split(',');

/** `describe`, skipped where no Kafka could be had. */
export const describeWithKafka = brokers === undefined ? describe.skip : describe;

/** The same for a single test. */
export const itWithKafka = brokers === undefined ? it.skip : it;

export function sharedBrokers(): string[] {
  if (brokers === undefined) {
    throw new Error('no Kafka was started: use describeWithKafka');
  }
  return brokers;
}

export async function deleteTopic(topic: string): Promise<void> {
  const admin = client(sharedBrokers()).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: [topic] });
  } finally {
    await admin.disconnect();
  }
}

export interface ReceivedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string | undefined;
  readonly value: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TopicOptions {
  on?: string[];
  partitions?: number;
  replicas?: number;
  configEntries?: { name: string; value: string }[];
}

/** A new topic with a name of its own. */
export async function createTopic({ on = sharedBrokers(), ...options }: TopicOptions = {}): Promise<string> {
  const topic = `test-${randomUUID()}`;
  await createNamedTopic(topic, { on, ...options });
  return topic;
}

export async function createNamedTopic(
  topic: string,
  { on = sharedBrokers(), partitions = 6, replicas = 1, configEntries = [] }: TopicOptions = {},
): Promise<void> {
  const admin = client(on).admin();
  await admin.connect();
  try {
    const config = { topic, numPartitions: partitions, replicationFactor: replicas, configEntries };
    // kafkajs would wait for leaders, too, but fails where a busy broker does not know the topic yet.
    await admin.createTopics({ waitForLeaders: false, topics: [config] });
    await eventually('its leaders', async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]?.partitions.length === partitions && topics[0].partitions.every(({ leader }) => leader >= 0);
    });
    // A leader may be named before it knows that it is one.
    await eventually('its leaders to serve', () => admin.fetchTopicOffsets(topic));
  } finally {
    await admin.disconnect();
  }
}

/** How many partitions the topic has; 0 where there is none. */
export async function partitionsOf(topic: string, on = sharedBrokers()): Promise<number> {
  const admin = client(on).admin();
  await admin.connect();
  try {
    if (!(await admin.listTopics()).includes(topic)) {
      return 0;
    }
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.length ?? 0;
  } finally {
    await admin.disconnect();
  }
}

/** The brokers that lead a partition of the topic. */
export async function leadersOf(topic: string, on = sharedBrokers()): Promise<number[]> {
  const admin = client(on).admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return [...new Set(topics[0]?.partitions.map(({ leader }) => leader))].sort();
  } finally {
    await admin.disconnect();
  }
}

/** Reads a topic from its beginning. `records` grows as they arrive; `stop` ends it. */
export async function readTopic(
  topic: string,
  on = sharedBrokers(),
): Promise<{ records: ReceivedRecord[]; stop: () => Promise<void> }> {
  const records: ReceivedRecord[] = [];
  const consumer = client(on).consumer({ groupId: `test-${randomUUID()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message }) => {
      records.push({
        topic,
        partition,
        offset: message.offset,
        key: message.key?.toString(),
        value: message.value?.toString(),
        headers: textHeaders(message.headers),
      });
      return Promise.resolve();
    },
  });
  return { records, stop: endedAtLast(() => consumer.disconnect()) };
}

/** All that stands in a topic now. */
export async function readWholeTopic(topic: string, on = sharedBrokers()): Promise<readonly ReceivedRecord[]> {
  const admin = client(on).admin();
  await admin.connect();
  // A broker that has just started again does not lead at once.
  const offsets = await eventually('the offsets', () => admin.fetchTopicOffsets(topic)).finally(() =>
    admin.disconnect(),
  );
  const count = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const { records, stop } = await readTopic(topic, on);
  await eventually('all records', () => records.length >= count);
  await stop();
  return records;
}

function client(on: string[]): Kafka {
  return new Kafka({
    clientId: 'test',
    brokers: on,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 60, maxRetryTime: 1000 },
  });
}

function textHeaders(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}
