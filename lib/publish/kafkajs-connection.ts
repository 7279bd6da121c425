import { Logger } from '@nestjs/common';
import { Kafka, type Producer } from 'kafkajs';
import type { OutboxKafkaOptions } from '../config/outbox-options';
import { kafkajsLog } from './kafkajs-log';
import { keyPartitioner } from './key-partitioner';
import { withTimeLimit } from '../time/time-limit';

/** Longest wait for an answer of the broker; the relay reckons with it (lane-leases.ts). */
export const REQUEST_TIMEOUT_MS = 10_000;

/** How long closing connections may keep the application from ending. */
const DISCONNECT_LIMIT_MS = 2000;

/** The producer in use, made when it is needed and thrown away when it may be stale. */
export class KafkaJsConnection {
  private readonly logger = new Logger('Outbox');
  private producer: Promise<Producer> | undefined;
  private readonly closing = new Set<Promise<void>>();
  private hasSent = false;
  /** The broker to begin with: not always the first, which may be the one that is down. */
  private turn = 0;

  constructor(
    private readonly options: OutboxKafkaOptions,
    private readonly allowAutoTopicCreation: boolean,
  ) {}

  /** Whether the present producer, if there is one, has not sent anything yet. */
  get fresh(): boolean {
    return this.producer === undefined || !this.hasSent;
  }

  /** Connects if need be. */
  async use<T>(work: (producer: Producer) => Promise<T>): Promise<T> {
    const producer = await this.connected();
    this.hasSent = true;
    return work(producer);
  }

  /** Connects if need be, without counting as use. */
  async open(): Promise<void> {
    await this.connected();
  }

  /** The next use begins with a new producer; the old one closes meanwhile. */
  discard(): void {
    const { producer } = this;
    this.producer = undefined;
    this.hasSent = false;
    if (producer !== undefined) {
      const closed = withLimit(producer.then((connected) => connected.disconnect())).finally(() =>
        this.closing.delete(closed),
      );
      this.closing.add(closed);
    }
  }

  async close(): Promise<void> {
    this.discard();
    await Promise.all(this.closing);
  }

  private async connected(): Promise<Producer> {
    const producer = (this.producer ??= this.connect());
    try {
      return await producer;
    } catch (error) {
      // Or whoever asks next would be told of this failure, whatever the broker does.
      if (this.producer === producer) {
        this.discard();
      }
      throw error;
    }
  }

  /** kafkajs goes to another bootstrap broker only when it retries, and here it does not: so they are tried in turn here. */
  private async connect(): Promise<Producer> {
    const { brokers } = this.options;
    const tries = Array.isArray(brokers) ? brokers.length : 1;
    let failure: unknown;
    for (let tried = 0; tried < tries; tried++) {
      const turn = this.turn++;
      try {
        return await this.connectTo(
          Array.isArray(brokers) ? rotated(brokers, turn) : async () => rotated(await brokers(), turn),
        );
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  private async connectTo(brokers: OutboxKafkaOptions['brokers']): Promise<Producer> {
    const kafka = new Kafka({
      logCreator: kafkajsLog(this.logger),
      ...this.options,
      brokers,
      retry: { retries: 0 },
      requestTimeout: REQUEST_TIMEOUT_MS,
      enforceRequestTimeout: true,
    });
    const producer = kafka.producer({
      allowAutoTopicCreation: this.allowAutoTopicCreation,
      createPartitioner: keyPartitioner,
      idempotent: false,
      retry: { retries: 0 },
    });
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      // It may hold an open connection to one broker all the same.
      await withLimit(producer.disconnect());
      throw error;
    }
  }
}

/** What is not a list is left to kafkajs, which says what is wrong with it. */
function rotated(list: string[], by: number): string[] {
  const given: unknown = list;
  if (!Array.isArray(given) || list.length === 0) {
    return list;
  }
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** Waits for the end of something whose failure does not matter, but not for ever. */
function withLimit(work: Promise<void>): Promise<void> {
  const ended = work.catch(() => undefined);
  return withTimeLimit(DISCONNECT_LIMIT_MS, ended, () => undefined);
}
