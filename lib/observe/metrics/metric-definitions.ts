/** What a metric is, in Prometheus' words. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'Counter' | 'Gauge' | 'Histogram';
  readonly help: string;
  /** Beside `service`, which all have. */
  readonly labels: readonly ('event_type' | 'error_type' | 'reason' | 'consumer')[];
  /** Upper bounds, of histograms. */
  readonly buckets?: readonly number[];
}

type Of<Type extends MetricDefinition['type']> = MetricDefinition & { readonly type: Type };

const counter = (name: string, help: string, labels: MetricDefinition['labels'] = []): Of<'Counter'> => ({
  name,
  type: 'Counter',
  help,
  labels,
});
const gauge = (name: string, help: string, labels: MetricDefinition['labels'] = []): Of<'Gauge'> => ({
  name,
  type: 'Gauge',
  help,
  labels,
});
const histogram = (
  name: string,
  help: string,
  buckets: readonly number[],
  labels: MetricDefinition['labels'] = [],
): Of<'Histogram'> => ({
  name,
  type: 'Histogram',
  help,
  labels,
  buckets,
});

const AGES = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 3600];

/** All metrics of the outbox. Counters and histograms are of this process; gauges of the table are the same from whichever instance they are read. */
export const metricDefinitions = {
  added: counter('outbox_events_added_total', 'Events whose transaction has committed.', ['event_type']),
  published: counter('outbox_events_published_total', 'Events that the broker acknowledged and the table records so.', [
    'event_type',
  ]),
  failed: counter('outbox_events_failed_total', 'Attempts that the broker refused. An outage is none.', ['event_type']),
  deadLettered: counter('outbox_events_dead_lettered_total', 'Events that became dead letters.', ['event_type']),
  errors: counter('outbox_relay_errors_total', 'Failures of the relay: broker, database, lease, upkeep.', [
    'error_type',
  ]),
  redeliveries: counter(
    'outbox_redeliveries_total',
    'Events that the broker acknowledged and that could not be settled, so that they are sent again.',
  ),
  leaseLosses: counter('outbox_lease_losses_total', 'Lanes that were lost to another relay.'),
  age: histogram(
    'outbox_event_age_seconds',
    'Age of events when they were settled, from their adding or from the end of their delay.',
    AGES,
  ),
  processing: histogram(
    'outbox_relay_processing_seconds',
    'Time of a batch from fetching to settling.',
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
  ),
  batchEvents: histogram('outbox_batch_events', 'Events in a batch.', [1, 5, 10, 50, 100, 500, 1000, 5000, 10_000]),
  batchBytes: histogram(
    'outbox_batch_bytes',
    'Bytes of payload in a batch.',
    [1e3, 1e4, 1e5, 5e5, 1e6, 2e6, 4e6, 1.6e7, 6.4e7],
  ),
  inboxProcessed: counter('outbox_inbox_processed_total', 'Messages that a consumer has handled.', ['consumer']),
  inboxSkipped: counter('outbox_inbox_skipped_total', 'Messages that a consumer had handled before.', ['consumer']),
  inboxFailed: counter('outbox_inbox_failed_total', 'Failed attempts of a consumer at a message.', ['consumer']),
  inboxGivenUp: counter('outbox_inbox_given_up_total', 'Messages that a consumer has failed at once too often.', [
    'consumer',
  ]),
  inboxAge: histogram(
    'outbox_inbox_age_seconds',
    'Age of messages when they were handled, from the adding of their event.',
    AGES,
    ['consumer'],
  ),
  queueDepth: gauge('outbox_queue_depth', 'Committed events that are not yet delivered, of all relays.'),
  oldestPendingAge: gauge(
    'outbox_oldest_pending_age_seconds',
    'Age of the oldest event that is due and not delivered; 0 if there is none. Also when nothing moves.',
  ),
  failing: gauge('outbox_failing_events', 'Pending events that were refused and wait for a retry.'),
  delayed: gauge('outbox_delayed_events', 'Pending events whose asked-for delay is not over.'),
  heldKeys: gauge('outbox_held_keys', 'Ordering keys of which nothing is delivered for now.'),
  deadLetters: gauge('outbox_dead_letters', 'Dead letters that wait for an operator.'),
  inboxDeadLetters: gauge('outbox_inbox_dead_letters', 'Dead letters of the inbox that wait for an operator.'),
  lanesLeased: gauge('outbox_lanes_leased', 'Lanes that some living relay owns; 64 if all is well.'),
  relays: gauge('outbox_relays', 'Living relays.'),
  lanesOwned: gauge('outbox_lanes_owned', 'Lanes that the relay of this process owns.'),
  publisherAvailable: gauge(
    'outbox_publisher_available',
    'Whether the relay of this process reached the broker when it last had to.',
  ),
  databaseAvailable: gauge('outbox_database_available', 'Whether the last reading of the table succeeded.'),
  silent: gauge('outbox_silent', 'Whether events are due and nothing is delivered, by the reason that is known.', [
    'reason',
  ]),
};

/** Short name of a metric, for `OutboxMetrics.get`. */
export type OutboxMetricKey = keyof typeof metricDefinitions;
