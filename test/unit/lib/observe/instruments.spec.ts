import * as prometheus from '@willsoto/nestjs-prometheus';
import { Counter, register } from 'prom-client';
import { OutboxMetricTakenError, OutboxPeerMissingError } from '../../../../lib/errors/observe.errors';
import {
  instrumentsOf,
  loadPrometheus,
  release,
  use,
  type MetricUser,
} from '../../../../lib/observe/metrics/instruments';
import { metricDefinitions } from '../../../../lib/observe/metrics/metric-definitions';

const missing = (name: string): Error =>
  Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });

describe('the packages of metrics', () => {
  const failing = (error: unknown) => (): never => {
    throw error;
  };
  const there = (): unknown => ({});

  it.each([
    ['the client', failing(missing('prom-client')), failing(missing('prom-client'))],
    ['the module', there, failing(missing('@willsoto/nestjs-prometheus'))],
  ])('are named with the command that installs them, where %s is missing', (_which, client, load) => {
    expect(() => loadPrometheus(client, load)).toThrow(OutboxPeerMissingError);
    expect(() => loadPrometheus(client, load)).toThrow('npm install @willsoto/nestjs-prometheus prom-client');
  });

  it('are not called missing where they lack something of their own', () => {
    expect(() => loadPrometheus(there, failing(missing('tdigest')))).toThrow("Cannot find module 'tdigest'");
    expect(() => loadPrometheus(failing(missing('tdigest')))).toThrow("Cannot find module 'tdigest'");
  });

  it('are loaded where they are there', () => {
    expect(loadPrometheus()).toHaveProperty('makeGaugeProvider');
  });
});

describe('the metrics of a process', () => {
  afterEach(() => {
    register.clear();
  });

  const aUser = (service: string): MetricUser => ({ service, refresh: () => Promise.resolve() });

  it('have the names that are documented, or those with the prefix of PrometheusModule', () => {
    instrumentsOf(prometheus, () => undefined);
    expect(
      register
        .getMetricsAsArray()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(
      Object.values(metricDefinitions)
        .map(({ name }) => name)
        .toSorted(),
    );
    register.clear();
    const { queueDepth } = instrumentsOf(prometheus, () => ({ customMetricPrefix: 'shop' }));
    expect(queueDepth).toHaveProperty('name', 'shop_outbox_queue_depth');
  });

  it('are shared, and stay until the last user is gone', () => {
    const [one, two] = [aUser('one'), aUser('two')];
    const first = instrumentsOf(prometheus, () => undefined);
    use(first, one);
    const second = instrumentsOf(prometheus, () => undefined);
    use(second, two);
    expect(second.added).toBe(first.added);
    release(first, one, new Map());
    expect(register.getSingleMetric('outbox_queue_depth')).toBeDefined();
    release(second, two, new Map());
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('are not counted in what the application has under their name', () => {
    const own = new Counter({ name: 'outbox_events_added_total', help: 'mine', labelNames: ['mine'] });
    own.inc({ mine: 'yes' });
    expect(() => instrumentsOf(prometheus, () => undefined)).toThrow(OutboxMetricTakenError);
  });
});
