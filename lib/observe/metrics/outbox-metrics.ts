import type { OnApplicationShutdown } from '@nestjs/common';
import type { Metric } from 'prom-client';
import type { Subscription } from 'rxjs';
import type { EventTypeCount, OutboxActivity } from '../../interfaces/outbox-activity';
import type { TableReading } from '../../store/read-gauges';
import type { OutboxEvents } from '../outbox-events';
import type { RelayCondition } from '../relay-condition';
import { EventTypeLabel } from './event-type-label';
import { release, use, type Instruments, type MetricUser } from './instruments';
import type { OutboxMetricKey } from './metric-definitions';

/** What the metrics are made of. */
export interface MetricsParts {
  readonly instruments: Instruments;
  readonly service: string;
  readonly byEventType: boolean;
  readonly events: OutboxEvents;
  readonly condition: RelayCondition;
  /** Whether this process delivers by itself. */
  readonly relay: boolean;
  /** How many lanes the relay of this process owns. */
  readonly lanesOwned: () => number;
  readonly readTable: () => Promise<TableReading>;
}

type Labels = Readonly<Record<string, string>>;

/**
 * The outbox in Prometheus' words, with `enableMetrics: true`. What the process does is counted as it happens; what is in the table is read from it
 * when Prometheus asks, at most once a second and for a tenth of the time of one connection at most.
 */
export class OutboxMetrics implements OnApplicationShutdown, MetricUser {
  readonly service: string;
  private readonly eventTypes: EventTypeLabel;
  private readonly labelSets = new Map<Metric, Map<string, Labels>>();
  private readonly subscription: Subscription;
  private refreshing: Promise<void> | undefined;

  /** @internal */
  constructor(private readonly parts: MetricsParts) {
    this.service = parts.service;
    this.eventTypes = new EventTypeLabel(parts.byEventType);
    use(parts.instruments, this);
    // From the beginning: a counter that appears with its first increase hides it from rate() and increase().
    const { redeliveries, leaseLosses } = parts.instruments;
    [redeliveries, leaseLosses].forEach((metric) => metric.inc(this.labels(metric), 0));
    this.subscription = parts.events.subscribe((activity) => {
      this.note(activity);
    });
  }

  /** A metric as prom-client has it, such as for a test that reads it. */
  get<Key extends OutboxMetricKey>(key: Key): Instruments[Key] {
    return this.parts.instruments[key];
  }

  /** prom-client's registry is that of the whole process: what is ours must not stay in it. */
  onApplicationShutdown(): void {
    this.subscription.unsubscribe();
    release(
      this.parts.instruments,
      this,
      new Map([...this.labelSets].map(([metric, sets]) => [metric, sets.values()])),
    );
  }

  /** All gauges of a scrape ask at the same time. */
  refresh(): Promise<void> {
    this.refreshing ??= this.refreshNow().finally(() => {
      this.refreshing = undefined;
    });
    return this.refreshing;
  }

  private async refreshNow(): Promise<void> {
    const { instruments: i, condition, relay, lanesOwned, readTable } = this.parts;
    const reading = await readTable().catch(() => undefined);
    const ofTable: readonly [(typeof i)['queueDepth'], keyof TableReading][] = [
      [i.queueDepth, 'pending'],
      [i.oldestPendingAge, 'oldestPendingSeconds'],
      [i.failing, 'failing'],
      [i.delayed, 'delayed'],
      [i.heldKeys, 'heldKeys'],
      [i.deadLetters, 'deadLetters'],
      [i.inboxDeadLetters, 'inboxDeadLetters'],
      [i.lanesLeased, 'leasedLanes'],
      [i.relays, 'livingRelays'],
    ];
    for (const [metric, property] of ofTable) {
      if (reading === undefined) {
        // Not known is not zero, nor what it was.
        metric.remove(this.labels(metric));
      } else {
        metric.set(this.labels(metric), reading[property]);
      }
    }
    i.databaseAvailable.set(this.labels(i.databaseAvailable), reading === undefined ? 0 : 1);
    i.lanesOwned.set(this.labels(i.lanesOwned), lanesOwned());
    if (relay) {
      const away = condition.publisherDownSince !== undefined || condition.publisherHangs;
      i.publisherAvailable.set(this.labels(i.publisherAvailable), away ? 0 : 1);
    }
  }

  private note(activity: OutboxActivity): void {
    const { instruments: i } = this.parts;
    switch (activity.type) {
      case 'added':
        this.count('added', activity.counts);
        break;
      case 'published':
        this.count('published', countsOf(activity.events));
        for (const { ageSeconds } of activity.events) {
          i.age.observe(this.labels(i.age), ageSeconds);
        }
        break;
      case 'retried':
        this.count('failed', countsOf(activity.events));
        break;
      case 'dead':
        this.count('failed', countsOf(activity.events));
        this.count('deadLettered', countsOf(activity.events));
        break;
      case 'batch':
        i.processing.observe(this.labels(i.processing), activity.seconds);
        i.batchEvents.observe(this.labels(i.batchEvents), activity.events);
        i.batchBytes.observe(this.labels(i.batchBytes), activity.bytes);
        break;
      case 'unsettled':
        i.redeliveries.inc(this.labels(i.redeliveries), activity.events);
        break;
      case 'lease-lost':
        i.leaseLosses.inc(this.labels(i.leaseLosses), activity.lanes.length);
        break;
      case 'error':
        i.errors.inc(this.labels(i.errors, { error_type: activity.errorType }));
        break;
      case 'inbox-processed': {
        const { consumer, ageSeconds } = activity;
        i.inboxProcessed.inc(this.labels(i.inboxProcessed, { consumer }), ageSeconds.length);
        ageSeconds.forEach((age) => {
          i.inboxAge.observe(this.labels(i.inboxAge, { consumer }), age);
        });
        break;
      }
      case 'inbox-skipped':
        i.inboxSkipped.inc(this.labels(i.inboxSkipped, { consumer: activity.consumer }), activity.count);
        break;
      case 'inbox-failed':
        i.inboxFailed.inc(this.labels(i.inboxFailed, { consumer: activity.consumer }));
        break;
      case 'inbox-given-up':
        i.inboxGivenUp.inc(this.labels(i.inboxGivenUp, { consumer: activity.consumer }));
        break;
      case 'silent':
        this.silence(activity.reason);
        break;
      case 'silence-over':
        this.silence(undefined);
        break;
      default:
    }
  }

  private count(key: 'added' | 'published' | 'failed' | 'deadLettered', counts: readonly EventTypeCount[]): void {
    const metric = this.parts.instruments[key];
    for (const { eventType, count } of counts) {
      metric.inc(this.labels(metric, { event_type: this.eventTypes.of(eventType) }), count);
    }
  }

  /** One reason at a time. */
  private silence(reason: string | undefined): void {
    const { silent } = this.parts.instruments;
    for (const labels of this.labelSets.get(silent)?.values() ?? []) {
      silent.set(labels, 0);
    }
    if (reason !== undefined) {
      silent.set(this.labels(silent, { reason }), 1);
    }
  }

  /** The labels of a value, one and the same object each time; noted, so that the value can be removed. */
  private labels(metric: Metric, more?: Labels): Labels {
    let sets = this.labelSets.get(metric);
    if (sets === undefined) {
      sets = new Map();
      this.labelSets.set(metric, sets);
    }
    const key = more === undefined ? '' : Object.values(more).join();
    let labels = sets.get(key);
    if (labels === undefined) {
      labels = { service: this.service, ...more };
      sets.set(key, labels);
    }
    return labels;
  }
}

function countsOf(events: readonly { readonly eventType: string }[]): EventTypeCount[] {
  const counts = new Map<string, number>();
  for (const { eventType } of events) {
    counts.set(eventType, (counts.get(eventType) ?? 0) + 1);
  }
  return [...counts].map(([eventType, count]) => ({ eventType, count }));
}
