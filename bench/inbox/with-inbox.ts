import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { EachMessagePayload, KafkaMessage } from 'kafkajs';
import { Inbox, OutboxModule, type InboxBatchPayload } from 'nestjs-outboxed';
import type { DataSource, DataSourceOptions } from 'typeorm';
import type { Bench } from '../support/measure';
import { isNew } from './by-hand';
import { shipmentOf, type Consume } from './received';
import { Shipment } from './shipment.entity';

interface WithInbox {
  /** As in `eachMessage`. */
  readonly oneByOne: Consume;
  /** The same handler in the same application, with an inbox written by hand. */
  readonly byHand: Consume;
  /** As in `eachBatch`; the handler inserts all rows of a batch at once. */
  readonly inBatches: Consume;
  /** The same with a handler that inserts one row after the other. */
  readonly inBatchesRowByRow: Consume;
}

/** As many as the inbox handles in one transaction. */
const BATCH = 500;

@Module({})
class ConsumerModule {}

/** An application that only consumes. */
export async function consumingWithInbox({ scope }: Bench, options: DataSourceOptions): Promise<WithInbox> {
  const app = await NestFactory.createApplicationContext(
    { module: ConsumerModule, imports: [TypeOrmModule.forRoot(options), OutboxModule.forRoot({ relay: false })] },
    { logger: false, abortOnError: false },
  );
  scope.onEnd(() => app.close());
  const inbox = app.get(Inbox);
  const dataSource = app.get<DataSource>(getDataSourceToken());
  const shipments = dataSource.getRepository(Shipment);
  return {
    oneByOne: async (payloads) => {
      for (const payload of payloads) {
        await inbox.process(payload, () => shipments.insert(shipmentOf(payload.message)), { consumer: 'shipping' });
      }
    },
    byHand: async (payloads) => {
      for (const { message } of payloads) {
        await dataSource.transaction(async (manager) => {
          if (await isNew(manager, message)) {
            await shipments.insert(shipmentOf(message));
          }
        });
      }
    },
    inBatches: batched(inbox, (messages) => shipments.insert(messages.map(shipmentOf))),
    inBatchesRowByRow: batched(inbox, async (messages) => {
      for (const message of messages) {
        await shipments.insert(shipmentOf(message));
      }
    }),
  };
}

function batched(inbox: Inbox, handler: (messages: readonly KafkaMessage[]) => Promise<unknown>): Consume {
  return async (payloads) => {
    for (let from = 0; from < payloads.length; from += BATCH) {
      let resolved = 0;
      const batch = batchOf(payloads.slice(from, from + BATCH), () => resolved++);
      const { processed } = await inbox.processBatch(batch, handler, { consumer: 'shipping' });
      // One that fails is handled one by one, and would be measured as such.
      if (processed !== batch.batch.messages.length || resolved !== 1) {
        throw new Error('A batch was not handled at once');
      }
    }
  };
}

function batchOf(payloads: readonly EachMessagePayload[], resolveOffset: () => void): InboxBatchPayload<KafkaMessage> {
  const { topic = '', partition = 0 } = payloads[0] ?? {};
  return {
    batch: { topic, partition, messages: payloads.map(({ message }) => message) },
    resolveOffset,
    heartbeat: () => Promise.resolve(),
    isRunning: () => true,
    isStale: () => false,
  };
}
