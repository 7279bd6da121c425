/** Sends records with kafkajs and nothing else: what the relay's drain is compared with. */
import { Kafka, logLevel, type Producer, type TopicMessages } from 'kafkajs';
import { Partitioners } from 'kafkajs';
import { serve } from '../support/serve';

interface Record {
  readonly key: string;
  readonly value: string;
  readonly headers: { readonly [name: string]: string };
}

let kafka: Kafka | undefined;
let producer: Producer | undefined;
let records: Record[] = [];

const program = {
  start: async ({ brokers }: { brokers: readonly string[] }): Promise<void> => {
    kafka = new Kafka({ clientId: 'bench-kafkajs', brokers: [...brokers], logLevel: logLevel.NOTHING });
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: false });
    await producer.connect();
  },

  /** Reads what the relay has written, to send the same; in the order of the events, since a consumer gets them partition by partition. */
  load: async ({ topic, count }: { topic: string; count: number }): Promise<void> => {
    const read: Record[] = [];
    const consumer = kafka?.consumer({ groupId: `${topic}-kafkajs` });
    await consumer?.connect();
    await consumer?.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const run = consumer?.run({
        eachMessage: ({ message }) => {
          const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
          read.push({
            key: String(message.key),
            value: String(message.value),
            headers: Object.fromEntries(headers) as Record['headers'],
          });
          if (read.length === count) {
            resolve();
          }
          return Promise.resolve();
        },
      });
      run?.catch(reject);
    });
    await consumer?.disconnect();
    records = read.sort((a, b) => numberOf(a) - numberOf(b));
  },

  /** Sends so many, all over again when all have been sent; seconds from the first to the last acknowledgement. */
  send: async ({ topic, count, batchSize }: { topic: string; count: number; batchSize: number }): Promise<number> => {
    const began = performance.now();
    for (let sent = 0; sent < count; sent += batchSize) {
      const start = sent % records.length;
      const messages = records.slice(start, start + Math.min(batchSize, count - sent));
      const topicMessages: TopicMessages[] = [{ topic, messages }];
      await producer?.sendBatch({ acks: -1, topicMessages });
    }
    return (performance.now() - began) / 1000;
  },
};

function numberOf({ value }: Record): number {
  return (JSON.parse(value) as { number: number }).number;
}

export type KafkaJsProgram = typeof program;

serve(program);
