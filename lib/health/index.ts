export { OutboxHealthIndicator, type OutboxHealthOptions } from './outbox-health.indicator';
export type { OutboxHealthDetails, OutboxHealthLimits } from '../observe/outbox-health';
