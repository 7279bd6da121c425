import { randomUUID } from 'node:crypto';
import { Logger, type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import { getDataSourceToken } from '@nestjs/typeorm';
import { getDeadLettersToken, getInboxDeadLettersToken } from './admin/dead-letters-tokens';
import { TypeOrmDeadLetters } from './admin/typeorm-dead-letters';
import { TypeOrmInboxDeadLetters } from './admin/typeorm-inbox-dead-letters';
import type { OutboxOptions, ResolvedOutboxOptions } from './config/outbox-options';
import { resolveOptions } from './config/resolve-options';
import {
  connectionToken,
  observationToken,
  optionsToken,
  outboxedToken,
  publisherToken,
  writerToken,
} from './config/tokens';
import { getInboxToken } from './inbox/inbox-tokens';
import type { OutboxPublisher } from './interfaces/outbox-publisher';
import { connect, type OutboxConnection } from './outbox-connection';
import { inboxOf } from './outbox-inbox';
import type { OutboxObservation } from './outbox-observation';
import { observationProviders } from './outbox-observation.providers';
import { getTracingToken } from './observe/observe-tokens';
import type { OpenTelemetryTracing } from './observe/tracing/open-telemetry.tracing';
import { KafkaJsPublisher } from './publish/kafkajs.publisher';
import { relayParts } from './outbox-relay';
import { EventRelayWorker } from './relay/event-relay.worker';
import { monotonicClock } from './time/monotonic-clock';
import { getRelayToken } from './relay/relay-tokens';
import { WakeUpSender } from './relay/wake-up-sender';
import { deleteExpired } from './store/delete-expired';
import { deleteHandledMessages } from './store/delete-handled-messages';
import { OutboxUpkeep } from './upkeep/outbox-upkeep';
import { UpkeepPass } from './upkeep/upkeep-pass';
import { getUpkeepToken } from './upkeep/upkeep-tokens';
import { getOutboxToken, getTransactionsToken } from './write/outbox-tokens';
import type { OutboxRepository } from './write/outbox.repository';
import { TransactionalOutboxedRunner } from './write/outboxed-runner';
import { TypeOrmOutboxRepository } from './write/typeorm-outbox.repository';

/** Everything that an outbox consists of, by the name of its data source. */
export function outboxProviders(dataSource: string, rawOptionsToken: string): Provider[] {
  return [
    {
      provide: optionsToken(dataSource),
      inject: [rawOptionsToken],
      useFactory: (options: OutboxOptions) => resolveOptions(options),
    },
    {
      provide: connectionToken(dataSource),
      inject: [{ token: getDataSourceToken(dataSource), optional: true }, ModulesContainer],
      useFactory: connect.bind(undefined, dataSource),
    },
    {
      provide: publisherToken(dataSource),
      inject: [optionsToken(dataSource)],
      useFactory: publisherOf,
    },
    {
      provide: getRelayToken(dataSource),
      inject: [
        optionsToken(dataSource),
        connectionToken(dataSource),
        publisherToken(dataSource),
        observationToken(dataSource),
        getTracingToken(dataSource),
        { token: SchedulerRegistry, optional: true },
      ],
      useFactory: (
        options: ResolvedOutboxOptions,
        connection: OutboxConnection,
        publisher: OutboxPublisher | null,
        { tell }: OutboxObservation,
        tracing: OpenTelemetryTracing,
        registry: SchedulerRegistry | undefined,
      ) => {
        const logger = new Logger('Outbox');
        const owner = randomUUID();
        const sender = new WakeUpSender(connection.dataSource, connection.tables, owner);
        const parts =
          publisher === null
            ? null
            : relayParts({ ...options, owner }, connection, publisher, { sender, tell, tracing });
        // ScheduleModule is never imported here: a second import would run the application's own cron jobs twice.
        return new EventRelayWorker(dataSource, registry ?? new SchedulerRegistry(), logger, parts, sender);
      },
    },
    ...observationProviders(dataSource),
    {
      provide: getUpkeepToken(dataSource),
      inject: [
        optionsToken(dataSource),
        connectionToken(dataSource),
        observationToken(dataSource),
        { token: SchedulerRegistry, optional: true },
      ],
      useFactory: (
        options: ResolvedOutboxOptions,
        connection: OutboxConnection,
        { tell }: OutboxObservation,
        registry: SchedulerRegistry | undefined,
      ) => {
        const { dataSource: source, tables } = connection;
        const pass = new UpkeepPass(
          (kept, seconds, after) =>
            kept === 'inbox'
              ? deleteHandledMessages(source, tables, seconds)
              : deleteExpired(source, tables, kept, seconds, after),
          options.retention,
          monotonicClock,
        );
        return new OutboxUpkeep(dataSource, registry ?? new SchedulerRegistry(), new Logger('Outbox'), {
          pass: (stopping, isAsked) => pass.run(stopping, isAsked),
          scheduled: options.relay,
          shutdownSeconds: options.shutdownSeconds,
          random: Math.random,
          tell,
        });
      },
    },
    {
      provide: writerToken(dataSource),
      inject: [
        optionsToken(dataSource),
        connectionToken(dataSource),
        getRelayToken(dataSource),
        observationToken(dataSource),
        getTracingToken(dataSource),
      ],
      useFactory: (
        options: ResolvedOutboxOptions,
        { dataSource: source, tables, transactions }: OutboxConnection,
        relay: EventRelayWorker,
        { tell }: OutboxObservation,
        tracing: OpenTelemetryTracing,
      ) =>
        new TypeOrmOutboxRepository(source, tables, transactions, options, {
          onCommitted: (lanes) => {
            relay.committed(lanes);
          },
          tell,
          currentTrace: () => tracing.current(),
        }),
    },
    {
      // Not `useExisting`: before Nest 12 what overrides an alias has no lifecycle hooks.
      provide: getOutboxToken(dataSource),
      inject: [writerToken(dataSource)],
      useFactory: (writer: OutboxRepository) => writer,
    },
    {
      provide: getDeadLettersToken(dataSource),
      inject: [connectionToken(dataSource), getRelayToken(dataSource)],
      useFactory: (connection: OutboxConnection, relay: EventRelayWorker) =>
        new TypeOrmDeadLetters(connection.dataSource, connection.tables, connection.transactions, () => relay.wake()),
    },
    {
      provide: getInboxToken(dataSource),
      inject: [
        optionsToken(dataSource),
        connectionToken(dataSource),
        writerToken(dataSource),
        observationToken(dataSource),
        getTracingToken(dataSource),
      ],
      useFactory: (
        options: ResolvedOutboxOptions,
        connection: OutboxConnection,
        outbox: TypeOrmOutboxRepository,
        { tell }: OutboxObservation,
        tracing: OpenTelemetryTracing,
      ) => inboxOf(options, connection, { outbox, tell, tracing, logger: new Logger('Outbox') }),
    },
    {
      provide: getInboxDeadLettersToken(dataSource),
      inject: [connectionToken(dataSource)],
      useFactory: ({ dataSource: source, tables, transactions }: OutboxConnection) =>
        new TypeOrmInboxDeadLetters(source, tables, transactions),
    },
    {
      provide: getTransactionsToken(dataSource),
      inject: [connectionToken(dataSource)],
      useFactory: ({ transactions }: OutboxConnection) => transactions,
    },
    {
      provide: outboxedToken(dataSource),
      inject: [connectionToken(dataSource), getOutboxToken(dataSource)],
      useFactory: ({ transactions }: OutboxConnection, repository: OutboxRepository) =>
        new TransactionalOutboxedRunner(transactions, repository),
    },
  ];
}

/** Also where `relay` is false, if it is known where to deliver to: `drain` may be called. */
function publisherOf(options: ResolvedOutboxOptions): OutboxPublisher | null {
  if (options.publisher !== null) {
    return options.publisher;
  }
  return options.kafka === null ? null : new KafkaJsPublisher(options.kafka, options.allowAutoTopicCreation);
}
