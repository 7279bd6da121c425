/** A process that only relays, as an application would run it; told what to do by the benchmark (support/relay.ts). */
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventRelayWorker, OutboxModule, type OutboxOptions } from 'nestjs-outboxed';
import { register } from 'prom-client';
import { serve } from './support/serve';

const SAMPLE_EVERY_MS = 10;

@Module({})
class RelayModule {}

let app: INestApplicationContext | undefined;
let highest = 0;

const program = {
  start: async ({ url, outbox }: { url: string; outbox: OutboxOptions }): Promise<void> => {
    app = await NestFactory.createApplicationContext(
      {
        module: RelayModule,
        imports: [
          TypeOrmModule.forRoot({ type: 'postgres', url, autoLoadEntities: true }),
          OutboxModule.forRoot(outbox),
        ],
      },
      { logger: ['fatal', 'error'], abortOnError: false },
    );
    app.enableShutdownHooks();
  },
  /** What Prometheus would read. */
  scrape: (): Promise<string> => register.metrics(),
  wake: (): void => app?.get(EventRelayWorker).wake(),
  /** Seconds of processor time so far. */
  cpu: (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
  /** Resident bytes now. */
  memory: (): number => process.memoryUsage.rss(),
  /** Resident bytes from now on are watched... */
  watchMemory: (): void => {
    highest = process.memoryUsage.rss();
    setInterval(() => {
      highest = Math.max(highest, process.memoryUsage.rss());
    }, SAMPLE_EVERY_MS);
  },
  /** ...and this is the most that was seen. */
  highestMemory: (): number => highest,
};

export type RelayProgram = typeof program;

serve(program);
