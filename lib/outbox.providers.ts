import { randomUUID } from 'node:crypto';
import { Logger, type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { OutboxOptions, ResolvedOutboxOptions } from './config/outbox-options';
import { resolveOptions } from './config/resolve-options';
import { connectionToken, optionsToken, outboxedToken, publisherToken } from './config/tokens';
import type { OutboxPublisher } from './interfaces/outbox-publisher';
import { connect, type OutboxConnection } from './outbox-connection';
import { KafkaJsPublisher } from './publish/kafkajs.publisher';
import { EventRelayWorker, type RelayParts } from './relay/event-relay.worker';
import { HeldKeys } from './relay/held-keys';
import { LaneLeases } from './relay/lane-leases';
import { monotonicClock } from './relay/monotonic-clock';
import { RelayCycle } from './relay/relay-cycle';
import { RelayLoop } from './relay/relay-loop';
import { RelayReport } from './relay/relay-report';
import { getRelayToken } from './relay/relay-tokens';
import { SignOfLife } from './relay/sign-of-life';
import { WakeUpReceiver } from './relay/wake-up-receiver';
import { WakeUpSender } from './relay/wake-up-sender';
import { readHeldKeys } from './store/read-held-keys';
import { poolSize } from './transaction/second-connection';
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
        { token: SchedulerRegistry, optional: true },
      ],
      useFactory: (
        options: ResolvedOutboxOptions,
        connection: OutboxConnection,
        publisher: OutboxPublisher | null,
        registry: SchedulerRegistry | undefined,
      ) => {
        const logger = new Logger('Outbox');
        const owner = randomUUID();
        const sender = new WakeUpSender(connection.dataSource, connection.tables, owner);
        const parts =
          publisher === null ? null : relayParts({ ...options, owner }, connection, publisher, logger, sender);
        // ScheduleModule is never imported here: a second import would run the application's own cron jobs twice.
        return new EventRelayWorker(dataSource, registry ?? new SchedulerRegistry(), logger, parts, sender);
      },
    },
    {
      provide: getOutboxToken(dataSource),
      inject: [optionsToken(dataSource), connectionToken(dataSource), getRelayToken(dataSource)],
      useFactory: (options: ResolvedOutboxOptions, connection: OutboxConnection, relay: EventRelayWorker) =>
        new TypeOrmOutboxRepository(
          connection.dataSource,
          connection.tables,
          connection.transactions,
          options,
          (lanes) => {
            relay.committed(lanes);
          },
        ),
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

function publisherOf(options: ResolvedOutboxOptions): OutboxPublisher | null {
  if (!options.relay) {
    return null;
  }
  if (options.publisher !== null) {
    return options.publisher;
  }
  return options.kafka === null ? null : new KafkaJsPublisher(options.kafka, options.allowAutoTopicCreation);
}

function relayParts(
  options: ResolvedOutboxOptions & { readonly owner: string },
  { dataSource, tables }: OutboxConnection,
  publisher: OutboxPublisher,
  logger: Logger,
  sender: WakeUpSender,
): RelayParts {
  const report = new RelayReport(logger);
  const held = new HeldKeys(monotonicClock);
  const leases: LaneLeases = new LaneLeases(dataSource, tables, options, monotonicClock, {
    onChange: async ({ taken, lost }) => {
      lost.forEach((lane) => held.forgetLane(lane));
      const keys = taken.length === 0 ? [] : await readHeldKeys(dataSource, tables, taken);
      keys.forEach(({ key, seconds }) => held.hold(key, seconds));
    },
    onTaken: () => {
      loop.wake();
    },
    inFlight: () => Promise.resolve(),
    tellOthers: () => sender.shares(),
    lifeLock: () => signOfLife.lock,
  });
  const receiver = new WakeUpReceiver(leases, options.owner, () => {
    loop.wake();
  });
  const signOfLife: SignOfLife = new SignOfLife(dataSource, tables, poolSize(dataSource), report, Math.random, {
    onMessage: (payload) => {
      receiver.receive(payload);
    },
    onLock: () => leases.keep(true),
  });
  const cycle = new RelayCycle(dataSource, tables, publisher, leases, held, options, Math.random);
  const loop = new RelayLoop(
    () => cycle.run(),
    report,
    Math.random,
    () => held.nextDueMs,
  );
  const { pollIntervalSeconds, leaseSeconds } = options;
  return { loop, leases, signOfLife, publisher, pollIntervalSeconds, leaseSeconds };
}
