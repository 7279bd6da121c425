/** A consumer of the group that reads all topics. */
import { join } from 'node:path';
import { Kafka, logLevel, type EachBatchPayload, type KafkaMessage } from 'kafkajs';
import { Journal } from '../history/journal';
import { CONSUMER_JOURNAL, type ConsumerLine } from '../history/journal-lines';
import { TOPICS } from '../topics';
import { CONSUMER_GROUP, parameters } from './parameters';
import { throughProxy } from './through-proxy';

/** What becomes of a record; a consumer with an inbox handles it in a transaction that skips what it has handled before. */
type Handler = (topic: string, partition: number, message: KafkaMessage) => Promise<void>;

const { name, kafkaPort, folder } = parameters();
const journal = new Journal<ConsumerLine>(join(folder, `${CONSUMER_JOURNAL}${name}.jsonl`));

const note: Handler = (topic, partition, { offset }) => {
  journal.write([topic, partition, Number(offset)]);
  return Promise.resolve();
};

async function main(handle: Handler): Promise<void> {
  const kafka = new Kafka({
    clientId: name,
    brokers: ['127.0.0.1:1'],
    socketFactory: throughProxy(kafkaPort),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 200, maxRetryTime: 2000, retries: 1_000_000 },
  });
  const consumer = kafka.consumer({
    groupId: CONSUMER_GROUP,
    sessionTimeout: 6000,
    heartbeatInterval: 1000,
    rebalanceTimeout: 6000,
    maxWaitTimeInMs: 500,
    allowAutoTopicCreation: false,
  });
  process.once('SIGTERM', () => void consumer.disconnect().finally(() => process.exit(0)));
  await consumer.connect();
  await consumer.subscribe({ topics: [...TOPICS], fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 1000,
    eachBatch: async ({
      batch,
      resolveOffset,
      heartbeat,
      commitOffsetsIfNecessary,
      isRunning,
      isStale,
    }: EachBatchPayload) => {
      for (const message of batch.messages) {
        if (!isRunning() || isStale()) {
          break;
        }
        await handle(batch.topic, batch.partition, message);
        resolveOffset(message.offset);
      }
      await commitOffsetsIfNecessary();
      await heartbeat();
    },
  });
}

void main(note);
