import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { OutboxModule, OutboxRepository } from 'nestjs-outboxed';
import type { DataSource } from 'typeorm';
import type { Database } from '../support/database';
import type { Bench } from '../support/measure';

@Module({})
class WriterModule {}

/** Adds an event for each of the keys, in one transaction; the ids. */
export type Write = (keys: readonly string[]) => Promise<readonly string[]>;

/** An application that only writes, as stands beside relays in processes of their own. */
export async function startWriter({ scope }: Bench, { url }: Database, topic: string): Promise<Write> {
  const app = await NestFactory.createApplicationContext(
    {
      module: WriterModule,
      imports: [
        TypeOrmModule.forRoot({ type: 'postgres', url, autoLoadEntities: true }),
        OutboxModule.forRoot({ relay: false }),
      ],
    },
    { logger: false, abortOnError: false },
  );
  scope.onEnd(() => app.close());
  const dataSource = app.get<DataSource>(getDataSourceToken());
  const outbox = app.get(OutboxRepository);
  return (keys) =>
    dataSource.transaction(() =>
      outbox.addEvents(
        keys.map((aggregateId) => ({
          aggregateType: 'probe',
          aggregateId,
          eventType: 'Probed',
          topic,
          eventData: { aggregateId },
        })),
      ),
    );
}
