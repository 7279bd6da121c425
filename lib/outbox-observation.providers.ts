import { Logger, type Provider } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { ResolvedOutboxOptions } from './config/outbox-options';
import { connectionToken, observationToken, optionsToken } from './config/tokens';
import { getHealthToken } from './observe/health-token';
import { getMetricsToken } from './observe/metrics/metrics-tokens';
import { getEventsToken, getTracingToken } from './observe/observe-tokens';
import { OutboxHealth } from './observe/outbox-health';
import { SilenceDetector } from './observe/silence-detector';
import type { OutboxConnection } from './outbox-connection';
import { metricsOf, observe, tracingOf, type OutboxObservation } from './outbox-observation';
import type { EventRelayWorker } from './relay/event-relay.worker';
import { getRelayToken } from './relay/relay-tokens';
import { readOverdue } from './store/read-overdue';
import { monotonicClock } from './time/monotonic-clock';

/** What observes an outbox, by the name of its data source. */
export function observationProviders(dataSource: string): Provider[] {
  return [
    {
      provide: observationToken(dataSource),
      inject: [connectionToken(dataSource)],
      useFactory: (connection: OutboxConnection) => observe(dataSource, connection, new Logger('Outbox')),
    },
    {
      provide: getEventsToken(dataSource),
      inject: [observationToken(dataSource)],
      useFactory: ({ events }: OutboxObservation) => events,
    },
    { provide: getTracingToken(dataSource), inject: [optionsToken(dataSource)], useFactory: tracingOf },
    {
      provide: getMetricsToken(dataSource),
      inject: [optionsToken(dataSource), observationToken(dataSource), getRelayToken(dataSource), ModuleRef],
      useFactory: metricsOf,
    },
    {
      provide: getHealthToken(dataSource),
      inject: [optionsToken(dataSource), observationToken(dataSource)],
      useFactory: ({ relay }: ResolvedOutboxOptions, { condition, readings }: OutboxObservation) =>
        new OutboxHealth(condition, () => readings.read(), relay, monotonicClock),
    },
    {
      provide: silenceToken(dataSource),
      inject: [
        optionsToken(dataSource),
        connectionToken(dataSource),
        observationToken(dataSource),
        getRelayToken(dataSource),
        { token: SchedulerRegistry, optional: true },
      ],
      useFactory: (
        { silenceSeconds }: ResolvedOutboxOptions,
        connection: OutboxConnection,
        { condition, tell }: OutboxObservation,
        relay: EventRelayWorker,
        registry: SchedulerRegistry | undefined,
      ) =>
        new SilenceDetector(dataSource, registry ?? new SchedulerRegistry(), {
          condition,
          tell,
          silenceSeconds,
          lanes: () => relay.lanes,
          readOverdue: readOverdue.bind(undefined, connection.dataSource, connection.tables),
          clock: monotonicClock,
        }),
    },
  ];
}

function silenceToken(dataSource: string): string {
  return `nestjs-outboxed:silence:${dataSource}`;
}
