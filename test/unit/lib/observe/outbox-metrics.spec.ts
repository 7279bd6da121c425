import * as prometheus from '@willsoto/nestjs-prometheus';
import { register } from 'prom-client';
import { Subject } from 'rxjs';
import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import { instrumentsOf } from '../../../../lib/observe/metrics/instruments';
import { OutboxMetrics } from '../../../../lib/observe/metrics/outbox-metrics';
import type { OutboxMetricKey } from '../../../../lib/observe/metrics/metric-definitions';
import { RelayCondition } from '../../../../lib/observe/relay-condition';
import { monotonicClock } from '../../../../lib/time/monotonic-clock';

const FAILED = { id: 'e1', topic: 'orders', reason: 'Error: no stock' } as const;

describe('the metrics of consumers', () => {
  let activities: Subject<OutboxActivity>;
  let metrics: OutboxMetrics;

  beforeEach(() => {
    activities = new Subject();
    metrics = new OutboxMetrics({
      instruments: instrumentsOf(prometheus, () => undefined),
      service: 'shop',
      byEventType: true,
      events: activities,
      condition: new RelayCondition(monotonicClock),
      relay: false,
      lanesOwned: () => 0,
      readTable: () => Promise.reject(new Error('no database')),
    });
  });
  afterEach(() => {
    metrics.onApplicationShutdown();
    register.clear();
  });

  /** The values of a metric by consumer. */
  async function values(key: OutboxMetricKey): Promise<Record<string, number>> {
    const { values: all } = await metrics.get(key).get();
    return Object.fromEntries(all.map(({ labels, value }) => [String(labels['consumer']), value]));
  }

  it('count what was handled and what was skipped, apart for each consumer', async () => {
    activities.next({ type: 'inbox-processed', consumer: 'shipping', ageSeconds: [0.2, 7] });
    activities.next({ type: 'inbox-processed', consumer: 'billing', ageSeconds: [0.2] });
    activities.next({ type: 'inbox-processed', consumer: 'shipping', ageSeconds: [70] });
    activities.next({ type: 'inbox-skipped', consumer: 'shipping', count: 5 });
    await expect(values('inboxProcessed')).resolves.toEqual({ shipping: 3, billing: 1 });
    await expect(values('inboxSkipped')).resolves.toEqual({ shipping: 5 });
  });

  it('have the age of each message that was handled', async () => {
    activities.next({ type: 'inbox-processed', consumer: 'shipping', ageSeconds: [0.2, 7, 70] });
    const age = await metrics.get('inboxAge').get();
    const of = (name: string, le?: number): number | undefined =>
      age.values.find(({ labels, metricName }) => metricName === name && labels.le === le)?.value;
    expect([of('outbox_inbox_age_seconds_count'), of('outbox_inbox_age_seconds_sum')]).toEqual([3, 77.2]);
    expect([0.1, 0.5, 10, 60, 300].map((le) => of('outbox_inbox_age_seconds_bucket', le))).toEqual([0, 1, 2, 2, 3]);
  });

  it('count failed attempts, and messages that were given up beside their last attempt', async () => {
    for (const attempts of [1, 2]) {
      activities.next({ type: 'inbox-failed', consumer: 'shipping', ...FAILED, attempts });
    }
    activities.next({ type: 'inbox-given-up', consumer: 'shipping', ...FAILED, attempts: 2, retryTopic: false });
    await expect(values('inboxFailed')).resolves.toEqual({ shipping: 2 });
    await expect(values('inboxGivenUp')).resolves.toEqual({ shipping: 1 });
  });

  it('are gone with the application', async () => {
    activities.next({ type: 'inbox-skipped', consumer: 'shipping', count: 5 });
    metrics.onApplicationShutdown();
    expect(register.getSingleMetric('outbox_inbox_skipped_total')).toBeUndefined();
  });
});
