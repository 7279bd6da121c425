/** A relay of its own, as an application would run it. */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { OutboxModule } from 'nestjs-outboxed';
import { MAX_EVENT_BYTES } from '../topics';
import { LEASE_SECONDS, parameters } from './parameters';
import { throughProxy } from './through-proxy';

@Module({})
class RelayModule {}

const { name, index, databaseUrl, kafkaPort } = parameters();

/** They differ as after a careless roll-out: what one keeps, another deletes. */
const SETTINGS = [
  { batchSize: 1000, retention: { publishedHours: 0 } },
  { batchSize: 200, retention: { publishedHours: 24 } },
  { batchSize: 50, retention: { publishedHours: 0 } },
];

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(
    {
      module: RelayModule,
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: databaseUrl,
          applicationName: name,
          autoLoadEntities: true,
          retryAttempts: 1000,
          retryDelay: 300,
        }),
        OutboxModule.forRoot({
          kafka: { clientId: name, brokers: ['127.0.0.1:1'], socketFactory: throughProxy(kafkaPort) },
          leaseSeconds: LEASE_SECONDS,
          pollIntervalSeconds: 0.5,
          errorRetryIntervalSeconds: 0.3,
          maxRetries: 5,
          maxEventBytes: MAX_EVENT_BYTES,
          ...SETTINGS[index % SETTINGS.length],
        }),
      ],
    },
    { logger: ['fatal', 'error', 'warn', 'log'], abortOnError: false },
  );
  app.enableShutdownHooks(undefined, { useProcessExit: true });
}

void main();
