/** A consumer of the group that reads all topics, and handles what it reads through the inbox: some one by one, some by batches. */
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm';
import type { EachBatchPayload } from 'kafkajs';
import { Inbox, OutboxModule, type InboxConsumerOptions } from 'nestjs-outboxed';
import type { Repository } from 'typeorm';
import { Journal } from '../history/journal';
import { CONSUMER_JOURNAL, type ConsumerLine } from '../history/journal-lines';
import { Chance } from '../random';
import { EffectHandler } from './effect-handler';
import { Effect } from './effect.entity';
import { GroupMember } from './group-member';
import { CONSUMER_GROUP, GO_BACK, parameters } from './parameters';
import { throughProxy } from './through-proxy';

/** Whatever happens to the database is no reason to give a message up, and each failure is counted, also that of a commit whose answer was lost. */
const CONSUMER: InboxConsumerOptions = { consumer: CONSUMER_GROUP, maxAttempts: null };

@Module({})
class ConsumerModule {}

const { name, index, incarnation, seed, databaseUrl, kafkaPort, folder } = parameters();
const journal = new Journal<ConsumerLine>(join(folder, `${CONSUMER_JOURNAL}${name}.jsonl`));

async function oneByOne(payload: EachBatchPayload, inbox: Inbox, handler: EffectHandler): Promise<void> {
  const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload;
  const { topic, partition } = batch;
  for (const message of batch.messages) {
    if (!isRunning() || isStale()) {
      return;
    }
    await inbox.process({ topic, partition, message }, () => handler.handle([message]), CONSUMER);
    resolveOffset(message.offset);
    await heartbeat();
  }
}

async function together(payload: EachBatchPayload, inbox: Inbox, handler: EffectHandler): Promise<void> {
  await inbox.processBatch(payload, (messages) => handler.handle(messages), CONSUMER);
}

/** Each message is noted before its offset is resolved: what is not resolved is delivered again. */
function noted(payload: EachBatchPayload): EachBatchPayload {
  const { topic, partition, messages } = payload.batch;
  const unnoted = messages.map(({ offset }) => Number(offset));
  return {
    ...payload,
    resolveOffset: (offset) => {
      while (unnoted[0] !== undefined && unnoted[0] <= Number(offset)) {
        journal.write([topic, partition, unnoted[0]]);
        unnoted.shift();
      }
      payload.resolveOffset(offset);
    },
  };
}

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(
    {
      module: ConsumerModule,
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: databaseUrl,
          applicationName: name,
          autoLoadEntities: true,
          retryAttempts: 1000,
          retryDelay: 300,
          extra: { connectionTimeoutMillis: 5000, query_timeout: 15_000 },
        }),
        TypeOrmModule.forFeature([Effect]),
        OutboxModule.forRoot({ relay: false }),
      ],
    },
    { logger: ['fatal', 'error', 'warn'], abortOnError: false },
  );
  const inbox = app.get(Inbox);
  const chance = Chance.of(seed, 2_000_000, index, incarnation);
  const handler = new EffectHandler(app.get<Repository<Effect>>(getRepositoryToken(Effect)), name, chance);
  const handle = index % 2 === 0 ? oneByOne : together;
  const member = new GroupMember(name, throughProxy(kafkaPort), (payload) => handle(noted(payload), inbox, handler));
  process.once('SIGTERM', () => void member.end().finally(() => app.close().finally(() => process.exit(0))));
  process.on(GO_BACK, () => member.goBack(chance));
  await member.begin();
}

void main();
