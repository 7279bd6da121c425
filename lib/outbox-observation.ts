import type { Logger } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type * as OpenTelemetry from '@opentelemetry/api';
import type { ResolvedOutboxOptions } from './config/outbox-options';
import type { ActivitySink } from './interfaces/outbox-activity';
import type { OutboxConnection } from './outbox-connection';
import { logActivity } from './observe/activity-log';
import { ActivityStream } from './observe/activity-stream';
import { diagnosticsSink } from './observe/diagnostics';
import { loadPeer } from './peers/load-peer';
import { instrumentsOf, loadPrometheus } from './observe/metrics/instruments';
import { OutboxMetrics } from './observe/metrics/outbox-metrics';
import { RelayCondition } from './observe/relay-condition';
import { TableReadings } from './observe/table-readings';
import { OpenTelemetryTracing } from './observe/tracing/open-telemetry.tracing';
import type { EventRelayWorker } from './relay/event-relay.worker';
import { readGauges } from './store/read-gauges';
import { monotonicClock } from './time/monotonic-clock';

/** What observes the outbox. */
export interface OutboxObservation {
  readonly events: ActivityStream;
  readonly condition: RelayCondition;
  readonly readings: TableReadings;
  readonly tell: ActivitySink;
}

/** One stream, which all that observes hears; the log first, so that it is written whatever others do. */
export function observe(name: string, { dataSource, tables }: OutboxConnection, logger: Logger): OutboxObservation {
  const events = new ActivityStream();
  const condition = new RelayCondition(monotonicClock);
  const diagnostics = diagnosticsSink(name);
  const tell: ActivitySink = (activity) => {
    logActivity(logger, activity);
    condition.note(activity);
    diagnostics(activity);
    events.emit(activity);
  };
  const readings = new TableReadings(() => readGauges(dataSource, tables), monotonicClock);
  return { events, condition, readings, tell };
}

/** The metrics, or null if they are not wanted. */
export function metricsOf(
  options: ResolvedOutboxOptions,
  { events, condition, readings }: OutboxObservation,
  relay: EventRelayWorker,
  modules: ModuleRef,
): OutboxMetrics | null {
  if (!options.enableMetrics) {
    return null;
  }
  const optionsOf = (token: unknown): unknown => {
    try {
      return modules.get(token as string, { strict: false });
    } catch {
      // The application has no PrometheusModule, or not yet.
      return undefined;
    }
  };
  return new OutboxMetrics({
    instruments: instrumentsOf(loadPrometheus(), optionsOf),
    service: options.source,
    byEventType: options.metricsByEventType,
    events,
    condition,
    relay: options.relay,
    lanesOwned: () => relay.lanes.length,
    readTable: () => readings.read(),
  });
}

/** Tracing through `@opentelemetry/api`, which does nothing where that is not installed or not wanted. */
export function tracingOf(options: ResolvedOutboxOptions): OpenTelemetryTracing {
  const api = options.tracing ? loadPeer('@opentelemetry/api', requireOpenTelemetry) : null;
  // Of a publisher of the user's own it is not known what it sends to.
  return new OpenTelemetryTracing(api, options.publisher === null ? 'kafka' : '_OTHER');
}

function requireOpenTelemetry(): typeof OpenTelemetry {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- see loadPeer
  return require('@opentelemetry/api') as typeof OpenTelemetry;
}
