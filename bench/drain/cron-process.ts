/** The outbox that people write by hand: a job that takes a hundred, sends one by one, and notes each. */
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { Pool } from 'pg';
import { serve } from '../support/serve';

const TAKEN_AT_ONCE = 100;

interface Row {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly payload: string;
  readonly headers: Record<string, string>;
}

let pool: Pool | undefined;
let producer: Producer | undefined;

const program = {
  start: async ({ url, brokers }: { url: string; brokers: readonly string[] }): Promise<void> => {
    pool = new Pool({ connectionString: url });
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
  const taken = await pool?.query<Row>('select * from outbox where not sent order by id limit $1', [TAKEN_AT_ONCE]);
  for (const { id, topic, key, payload, headers } of taken?.rows ?? []) {
    await producer?.send({ topic, messages: [{ key, value: payload, headers }] });
    await pool?.query('update outbox set sent = true where id = $1', [id]);
  }
  return taken?.rows.length ?? 0;
}

export type CronProgram = typeof program;

serve(program);
