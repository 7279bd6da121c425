/**
 * An application that adds events and relays them, a producer that sends directly, and the consumer of both: in one process, so that
 * there is one clock.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { OutboxModule, OutboxRepository } from 'nestjs-outboxed';
import type { DataSource } from 'typeorm';
import { serve } from '../support/serve';
import { Arrivals } from './arrivals';
import { atRate } from './at-rate';

const ARRIVED_WITHIN_MS = 20_000;
const KEYS = 500;
const DATA = {
  customer: { id: 'customer-815', name: 'Ada Lovelace', email: 'ada@example.com' },
  lines: Array.from({ length: 4 }, (_, n) => ({ sku: `SKU-00${String(n)}`, quantity: n + 1, price: 19.99 })),
  note: 'leave it at the door',
};

interface StartOptions {
  readonly url: string;
  readonly brokers: readonly string[];
  readonly topic: string;
}

interface PhaseOptions {
  readonly perSecond: number;
  readonly seconds: number;
}

@Module({})
class LatencyModule {}

type Send = (arrivals: Arrivals) => Promise<void>;
const arrivals = new Arrivals();
let direct: Send;
let outboxed: Send;

const program = {
  start: async (options: StartOptions): Promise<void> => {
    const brokers = [...options.brokers];
    const kafka = new Kafka({ clientId: 'bench-latency', brokers, logLevel: logLevel.NOTHING });
    await consume(kafka, options.topic);
    direct = await sendingDirectly(kafka, options.topic);
    outboxed = await addingToOutbox(options, brokers);
    // A consumer that has just joined may not be reading yet.
    await direct(arrivals);
    await arrivals.allWithin(ARRIVED_WITHIN_MS);
    arrivals.take();
  },
  /** Milliseconds of each event, from just before the commit to the consumer. */
  outboxed: (phase: PhaseOptions): Promise<number[]> => runPhase(outboxed, phase),
  /** The same from just before the send. */
  direct: (phase: PhaseOptions): Promise<number[]> => runPhase(direct, phase),
};

async function runPhase(send: Send, { perSecond, seconds }: PhaseOptions): Promise<number[]> {
  await atRate(perSecond, seconds, () => send(arrivals));
  await arrivals.allWithin(ARRIVED_WITHIN_MS);
  // Nothing of this phase shall run into the next.
  await sleep(200);
  return arrivals.take();
}

async function consume(kafka: Kafka, topic: string): Promise<void> {
  const consumer = kafka.consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      arrivals.arrived(String(message.headers?.['ce_id']));
      return Promise.resolve();
    },
  });
}

async function sendingDirectly(kafka: Kafka, topic: string): Promise<Send> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  return async (to) => {
    const id = randomUUID();
    const key = someKey();
    // The headers that the relay sets as well.
    const headers = {
      ce_specversion: '1.0',
      ce_id: id,
      ce_type: 'OrderPlaced',
      ce_source: 'nestjs-outboxed',
      ce_subject: key,
      ce_time: new Date().toISOString(),
      'content-type': 'application/json',
    };
    const value = JSON.stringify(DATA);
    to.sent(id);
    await producer.send({ topic, acks: -1, messages: [{ key, value, headers }] });
  };
}

async function addingToOutbox({ url, topic }: StartOptions, brokers: string[]): Promise<Send> {
  const app = await NestFactory.createApplicationContext(
    {
      module: LatencyModule,
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url, autoLoadEntities: true }),
        OutboxModule.forRoot({ kafka: { clientId: 'bench-outbox', brokers } }),
      ],
    },
    { logger: ['fatal', 'error'], abortOnError: false },
  );
  const dataSource = app.get<DataSource>(getDataSourceToken());
  const outbox = app.get(OutboxRepository);
  return (to) =>
    dataSource.transaction(async () => {
      const id = await outbox.addEvent({
        aggregateType: 'order',
        aggregateId: someKey(),
        eventType: 'OrderPlaced',
        topic,
        eventData: DATA,
      });
      // What follows is the COMMIT.
      to.sent(id);
    });
}

function someKey(): string {
  return `order-${String(Math.floor(Math.random() * KEYS))}`;
}

export type LatencyProgram = typeof program;

serve(program);
