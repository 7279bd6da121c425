import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import type { Bench } from '../support/measure';

const LOOK_EVERY_MS = 1;

export interface Arrived {
  readonly id: string;
  readonly key: string;
  /** CloudEvents source: the relay that sent it. */
  readonly source: string;
  readonly at: number;
}

/** Consumes a topic; tells what has arrived, and who sent it. */
export class Records {
  readonly arrived: Arrived[] = [];

  static async open({ brokers, scope }: Bench, topic: string): Promise<Records> {
    const kafka = new Kafka({ clientId: 'bench-takeover', brokers: [...brokers], logLevel: logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: topic });
    const records = new Records();
    scope.onEnd(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: ({ message }) => Promise.resolve(records.take(message)) });
    return records;
  }

  /** Asks after each arrival; fails after so many seconds. */
  async until(what: string, seconds: number, met: () => boolean): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!met()) {
      if (performance.now() > deadline) {
        throw new Error(`Waited ${String(seconds)} s in vain for: ${what}`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  private take({ key, headers }: KafkaMessage): void {
    this.arrived.push({
      id: String(headers?.['ce_id']),
      key: String(key),
      source: String(headers?.['ce_source']),
      at: performance.now(),
    });
  }
}
