import { setTimeout as sleep } from 'node:timers/promises';
import { ServerKafka } from '@nestjs/microservices';
import { Partitioners } from 'kafkajs';
import { ConsumerReport } from './consumer-report';
import { ensureTopic, type TopicToMake } from './ensure-topic';
import { kafkaLog } from './kafka-log';

export interface PatientKafkaOptions extends TopicToMake {
  readonly groupId: string;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
/** A broker that does not answer any more shall not keep the process from ending. */
const CLOSE_WITHIN_MS = 3000;

/**
 * Nest's Kafka transport for an application that lives with an absent broker: it listens in the background, and connects again
 * whenever the consumer has ended, for as long as it takes. (Nest's own fails the start, and leaves some ends to whoever watches.)
 */
export class PatientKafkaServer extends ServerKafka {
  private readonly report: ConsumerReport;
  private readonly closing = new AbortController();
  private crashed: Promise<unknown> = Promise.resolve();

  constructor(private readonly patient: PatientKafkaOptions) {
    super({
      client: {
        clientId: patient.clientId,
        brokers: [...patient.brokers],
        logCreator: kafkaLog,
        retry: { retries: 1 }, // what fails is repeated here, connection and all
      },
      consumer: {
        groupId: patient.groupId,
        maxWaitTimeInMs: 500, // a fetch that waits for records holds up the shutdown for so long
        sessionTimeout: 10_000, // how long the partitions of a killed instance stay unread
        retry: { retries: 3, restartOnFailure: () => Promise.resolve(false) }, // restarting is done here
      },
      producer: { createPartitioner: Partitioners.DefaultPartitioner },
      subscribe: { fromBeginning: true },
      postfixId: '',
    });
    this.report = new ConsumerReport(patient.topic, patient.brokers);
  }

  /** Calls back when the broker has been tried once, successfully or not. */
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    const topicMade = await this.attempt(() => ensureTopic(this.patient));
    callback();
    void this.keepConsuming(topicMade);
  }

  override async close(): Promise<void> {
    this.closing.abort();
    await this.disconnect();
  }

  /** Called by Nest for each new consumer. */
  protected override registerConsumerEventListeners(): void {
    super.registerConsumerEventListeners();
    const { consumer } = this;
    if (consumer === null) return;
    this.crashed = new Promise((resolve) =>
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error)),
    );
    consumer.on(consumer.events.GROUP_JOIN, () => this.report.consuming());
  }

  private async keepConsuming(topicMade: boolean): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let made = topicMade; !this.closing.signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      made ||= await this.attempt(() => ensureTopic(this.patient));
      if (made && (await this.attempt(() => this.consume()))) {
        pauseMs = FIRST_PAUSE_MS;
        this.interrupted(await this.crashed);
      }
      await this.disconnect();
      await sleep(pauseMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
    }
  }

  private async attempt(step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      this.interrupted(error);
      return false;
    }
  }

  private interrupted(error: unknown): void {
    if (!this.closing.signal.aborted) this.report.interrupted(error);
  }

  private consume(): Promise<void> {
    return new Promise((resolve, reject) => {
      void super.listen((error?: unknown) => {
        if (error instanceof Error) reject(error);
        else resolve();
      });
    });
  }

  private async disconnect(): Promise<void> {
    const closed = super.close().catch(() => undefined); // of a consumer that has crashed nothing is left to close
    await Promise.race([closed, sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
  }
}
