import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';

const DEADLINE_MS = 60_000;

export interface Addresses {
  readonly databaseUrl: string;
  readonly broker: string;
}

/** Starts a built application, places an order as the README's last step does, and waits for its record. */
export async function tryApp(folder: string, { databaseUrl, broker }: Addresses): Promise<void> {
  const port = await freePort();
  const app = spawn(process.execPath, ['dist/main.js'], {
    cwd: folder,
    env: { ...process.env, PORT: String(port), DATABASE_URL: databaseUrl, KAFKA_BROKER: broker },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [app.stdout, app.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const ended = once(app, 'exit');
  try {
    const order = await placeOrder(port, () => app.exitCode !== null);
    await awaitRecord(broker, order.id);
  } catch (error) {
    throw new Error(`the quick start's application did not work: ${String(error)}\n${output}`, { cause: error });
  } finally {
    app.kill('SIGTERM');
    await ended;
  }
}

async function placeOrder(port: number, hasEnded: () => boolean): Promise<{ id: string }> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline && !hasEnded()) {
    const response = await fetch(`http://localhost:${String(port)}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"customer":"ada"}',
    }).catch(() => undefined);
    if (response?.status === 201) {
      return (await response.json()) as { id: string };
    }
    await sleep(100);
  }
  throw new Error('it never took an order');
}

async function awaitRecord(broker: string, orderId: string): Promise<void> {
  const kafka = new Kafka({
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 50, maxRetryTime: 1000 },
  });
  await topicExists(kafka);
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic: 'orders', fromBeginning: true });
    const limit = new AbortController();
    const found = new Promise<void>((resolve) => {
      void consumer.run({
        eachMessage: ({ message }) => {
          const value = JSON.parse(message.value?.toString() ?? 'null') as { id?: string } | null;
          if (
            message.key?.toString() === orderId &&
            value?.id === orderId &&
            message.headers?.['ce_id'] !== undefined
          ) {
            resolve();
          }
          return Promise.resolve();
        },
      });
    });
    await Promise.race([
      found,
      sleep(DEADLINE_MS, undefined, { signal: limit.signal }).then(() => {
        throw new Error('its record never reached Kafka');
      }),
    ]).finally(() => {
      limit.abort();
    });
  } finally {
    await consumer.disconnect();
  }
}

/** The relay's first record creates the topic; kafkajs' consumer does not subscribe to one that is only about to exist. */
async function topicExists(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const deadline = performance.now() + DEADLINE_MS;
    while (!(await admin.listTopics()).includes('orders')) {
      if (performance.now() > deadline) {
        throw new Error('its topic was never created');
      }
      await sleep(100);
    }
  } finally {
    await admin.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
