import { setTimeout as sleep } from 'node:timers/promises';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { ensureTopic, type TopicToMake } from './ensure-topic';

const PAUSE_MS = 1000;

/** Makes a topic before anything is delivered to it, or else as soon as the broker is there: what it is for waits until then. */
export class TopicMaker implements OnModuleInit, BeforeApplicationShutdown {
  private readonly closing = new AbortController();
  private making: Promise<void> = Promise.resolve();

  constructor(private readonly topic: TopicToMake) {}

  /** Waits for the first try, successful or not. */
  async onModuleInit(): Promise<void> {
    if (!(await this.attempt())) {
      this.making = this.keepTrying();
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.making;
  }

  private async keepTrying(): Promise<void> {
    const { signal } = this.closing;
    do {
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    } while (!signal.aborted && !(await this.attempt()));
  }

  /** What fails is told by the relay, which meets the same broker. */
  private attempt(): Promise<boolean> {
    return ensureTopic(this.topic).then(
      () => true,
      () => false,
    );
  }
}
