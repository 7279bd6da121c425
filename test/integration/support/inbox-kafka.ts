import { Kafka, logLevel, type Admin, type Message } from 'kafkajs';
import { Inbox, type InboxConsumerOptions, type InboxOutcome, type InboxPayloadMessage } from 'nestjs-outboxed';
import { endedAtLast } from './cleanup';
import { Effect } from './effect.entity';
import { eventually } from './eventually';
import { CONSUMER } from './inbox-suite';
import { sharedBrokers } from './kafka';
import type { OutboxApp } from './outbox-app';

/** The shortest that the broker allows: after it a consumer that says nothing has left its group. */
export const SESSION_MS = 6000;

export function kafkaClient(): Kafka {
  return new Kafka({
    clientId: 'test',
    brokers: sharedBrokers(),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 60, maxRetryTime: 1000 },
  });
}

/** Writes records to a topic, in this order. */
export async function produce(topic: string, messages: Message[]): Promise<void> {
  const producer = kafkaClient().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, messages });
  } finally {
    await producer.disconnect();
  }
}

/** Writes records with an id each, of several keys, and returns the ids. They are numbered from `from` on. */
export async function produceEvents(topic: string, count: number, from = 0): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `event-${String(from + n).padStart(5, '0')}`);
  await produce(
    topic,
    ids.map((id, n) => ({ key: `key-${n % 17}`, value: JSON.stringify({ n }), headers: { ce_id: id } })),
  );
  return ids;
}

export async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient().admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Sets the offsets of a group without members back to the beginning. */
export async function setBack(groupId: string, topic: string): Promise<void> {
  await withAdmin(async (admin) => {
    await eventually('the group to be empty', async () => {
      const { groups } = await admin.describeGroups([groupId]);
      return groups[0]?.members.length === 0;
    });
    await admin.resetOffsets({ groupId, topic, earliest: true });
  });
}

export interface EffectConsumerOptions {
  app: OutboxApp;
  topic: string;
  groupId: string;
  /** Default: `eachMessage`. */
  by?: 'eachMessage' | 'eachBatch';
  /** Awaited by the handler of each message, when its effect is written. */
  during?: (id: string) => Promise<void> | void;
  inbox?: Partial<InboxConsumerOptions>;
}

/** A consumer of kafkajs that writes an effect for each record, by way of the inbox. */
export class EffectConsumer {
  /** The ids of what has been delivered by `eachMessage`, repetitions too. */
  readonly delivered: string[] = [];
  /** How many came to which end. */
  readonly ends: Record<InboxOutcome<unknown>['status'], number> = { processed: 0, skipped: 0, retried: 0, dead: 0 };

  private constructor(private readonly disconnect: () => Promise<void>) {}

  static async start({
    app,
    topic,
    groupId,
    by = 'eachMessage',
    during = () => undefined,
    inbox: options,
  }: EffectConsumerOptions): Promise<EffectConsumer> {
    const kafka = kafkaClient().consumer({
      groupId,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: 500,
      maxWaitTimeInMs: 100,
      retry: { initialRetryTime: 100, retries: 60, maxRetryTime: 1000 },
    });
    const consumer = new EffectConsumer(endedAtLast(() => kafka.disconnect()));
    const inbox = app.module.get(Inbox);
    const handlerOptions = { consumer: CONSUMER, ...options };
    const effects = app.dataSource.getRepository(Effect);
    const apply = async (message: Pick<InboxPayloadMessage, 'headers'>): Promise<void> => {
      const eventId = idOf(message);
      await effects.insert({ eventId });
      await during(eventId);
    };
    await kafka.connect();
    await kafka.subscribe({ topic, fromBeginning: true });
    await kafka.run(
      by === 'eachMessage'
        ? {
            eachMessage: async (payload) => {
              consumer.delivered.push(idOf(payload.message));
              const { status } = await inbox.process(payload, () => apply(payload.message), handlerOptions);
              consumer.ends[status]++;
            },
          }
        : {
            eachBatchAutoResolve: false,
            eachBatch: async (payload) => {
              const ends = await inbox.processBatch(
                payload,
                async (messages) => {
                  for (const message of messages) {
                    await apply(message);
                  }
                },
                handlerOptions,
              );
              for (const status of ['processed', 'skipped', 'retried', 'dead'] as const) {
                consumer.ends[status] += ends[status];
              }
            },
          },
    );
    return consumer;
  }

  /** Leaves the group. */
  async stop(): Promise<void> {
    await this.disconnect();
  }
}

/** That of the message which was given up, where it comes from a retry topic. */
function idOf({ headers }: Pick<InboxPayloadMessage, 'headers'>): string {
  const id = headers?.['inbox-message-id'] ?? headers?.['ce_id'];
  return Buffer.isBuffer(id) ? id.toString() : '';
}
