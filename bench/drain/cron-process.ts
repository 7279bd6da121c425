/** The outbox that people write by hand, with TypeORM: a job that takes a hundred, sends one by one, and notes each. */
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { DataSource, EntitySchema, type Repository } from 'typeorm';
import { serve } from '../support/serve';

const TAKEN_AT_ONCE = 100;

interface Row {
  id: string;
  topic: string;
  key: string;
  payload: string;
  headers: Record<string, string>;
  sent: boolean;
}

const Outbox = new EntitySchema<Row>({
  name: 'outbox',
  columns: {
    id: { type: 'bigint', primary: true, generated: true },
    topic: { type: 'text' },
    key: { type: 'text' },
    payload: { type: 'text' },
    headers: { type: 'jsonb' },
    sent: { type: 'boolean', default: false },
  },
});

let rows: Repository<Row> | undefined;
let producer: Producer | undefined;

const program = {
  start: async ({ url, brokers }: { url: string; brokers: readonly string[] }): Promise<void> => {
    const dataSource = new DataSource({ type: 'postgres', url, entities: [Outbox] });
    await dataSource.initialize();
    rows = dataSource.getRepository(Outbox);
    const kafka = new Kafka({ clientId: 'bench-cron', brokers: [...brokers], logLevel: logLevel.NOTHING });
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
  },

  /** Runs until nothing is left, without the pauses that a real cron job makes; the seconds that it took. */
  run: async (): Promise<number> => {
    const began = performance.now();
    while ((await job()) > 0);
    return (performance.now() - began) / 1000;
  },
};

async function job(): Promise<number> {
  const taken = (await rows?.find({ where: { sent: false }, order: { id: 'ASC' }, take: TAKEN_AT_ONCE })) ?? [];
  for (const { id, topic, key, payload, headers } of taken) {
    await producer?.send({ topic, messages: [{ key, value: payload, headers }] });
    await rows?.update({ id }, { sent: true });
  }
  return taken.length;
}

export type CronProgram = typeof program;

serve(program);
