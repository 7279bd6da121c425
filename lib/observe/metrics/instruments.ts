import type * as Prometheus from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { OutboxMetricTakenError, OutboxPeerMissingError } from '../../errors/observe.errors';
import { loadPeer } from '../../peers/load-peer';
import { metricDefinitions, type MetricDefinition, type OutboxMetricKey } from './metric-definitions';

type Definitions = typeof metricDefinitions;
type InstrumentOf<D extends MetricDefinition> = D['type'] extends 'Counter'
  ? Counter
  : D['type'] extends 'Gauge'
    ? Gauge
    : Histogram;

/** The metrics as prom-client has them. */
export type Instruments = { readonly [Key in OutboxMetricKey]: InstrumentOf<Definitions[Key]> };

/** Who uses the metrics: one for each outbox of the process. */
export interface MetricUser {
  readonly service: string;
  /** Brings the gauges up to date. Never fails. */
  refresh(): Promise<void>;
}

const usersOfMetric = Symbol('nestjs-outboxed.users');

interface Shared {
  /** Of this very process' registry, so that two applications in it share a metric and the last one takes it out. */
  [usersOfMetric]?: Set<MetricUser>;
  readonly name: string;
  readonly registers: readonly Registry[];
}

type InstrumentProvider = { readonly inject?: readonly unknown[]; readonly useFactory: (config: unknown) => unknown };

/* eslint-disable @typescript-eslint/no-require-imports -- see loadPeer */
const requireClient = (): unknown => require('prom-client');
const requirePrometheus = (): typeof Prometheus => require('@willsoto/nestjs-prometheus') as typeof Prometheus;
/* eslint-enable @typescript-eslint/no-require-imports */

/**
 * The client first: the other one needs it, and without it would fail as a broken package does.
 *
 * @throws OutboxPeerMissingError where the packages are not installed
 */
export function loadPrometheus(client = requireClient, load = requirePrometheus): typeof Prometheus {
  const prometheus = loadPeer('prom-client', client) === null ? null : loadPeer('@willsoto/nestjs-prometheus', load);
  if (prometheus === null) {
    throw new OutboxPeerMissingError('enableMetrics: true', ['@willsoto/nestjs-prometheus', 'prom-client']);
  }
  return prometheus;
}

/**
 * The metrics, made or shared with another outbox of the process. Through the providers of `@willsoto/nestjs-prometheus`, so that its options hold.
 *
 * @param optionsOf gives the options of `PrometheusModule`, by its token
 * @throws OutboxMetricTakenError if the application has a metric of such a name
 */
export function instrumentsOf(prometheus: typeof Prometheus, optionsOf: (token: unknown) => unknown): Instruments {
  const make = ({ type, labels, buckets, ...definition }: MetricDefinition): unknown => {
    const options = { ...definition, labelNames: ['service', ...labels] };
    const provider = (
      type === 'Counter'
        ? prometheus.makeCounterProvider(options)
        : type === 'Gauge'
          ? prometheus.makeGaugeProvider({ ...options, collect: refreshAll })
          : prometheus.makeHistogramProvider({ ...options, buckets: [...(buckets ?? [])] })
    ) as InstrumentProvider;
    const [injected] = provider.inject ?? [];
    const metric = provider.useFactory(optionsOf((injected as { token?: unknown } | undefined)?.token)) as Shared;
    if (metric[usersOfMetric] === undefined && !isFresh(metric)) {
      throw new OutboxMetricTakenError(metric.name);
    }
    metric[usersOfMetric] ??= new Set();
    return metric;
  };
  return Object.fromEntries(
    Object.entries(metricDefinitions).map(([key, definition]) => [key, make(definition)]),
  ) as unknown as Instruments;
}

/** Called by prom-client when a gauge is asked for. */
async function refreshAll(this: object): Promise<void> {
  await Promise.all([...((this as Shared)[usersOfMetric] ?? [])].map((user) => user.refresh()));
}

/** One that was just made has no value. */
function isFresh(metric: object): boolean {
  return Object.keys((metric as { hashMap?: object }).hashMap ?? {}).length === 0;
}

export function use(instruments: Instruments, user: MetricUser): void {
  for (const metric of Object.values(instruments) as unknown as Shared[]) {
    metric[usersOfMetric]?.add(user);
  }
}

/** Takes a user's values out of the registry, and with the last user the metrics themselves. */
export function release(
  instruments: Instruments,
  user: MetricUser,
  labelSets: ReadonlyMap<object, Iterable<object>>,
): void {
  for (const metric of Object.values(instruments)) {
    const shared = metric as unknown as Shared;
    const users = shared[usersOfMetric];
    users?.delete(user);
    if (users === undefined || users.size === 0) {
      // Somebody may have emptied the registry, and filled it anew.
      shared.registers
        .filter((registry) => registry.getSingleMetric(shared.name) === (metric as unknown))
        .forEach((registry) => {
          registry.removeSingleMetric(shared.name);
        });
    } else if (![...users].some(({ service }) => service === user.service)) {
      for (const labels of labelSets.get(metric) ?? []) {
        metric.remove(labels as Record<string, string>);
      }
    }
  }
}
