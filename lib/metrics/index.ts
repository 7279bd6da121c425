export {
  metricDefinitions as outboxMetrics,
  type MetricDefinition as OutboxMetricDefinition,
  type OutboxMetricKey,
} from '../observe/metrics/metric-definitions';
export { getMetricsToken, InjectOutboxMetrics } from '../observe/metrics/metrics-tokens';
export { OutboxMetrics } from '../observe/metrics/outbox-metrics';
