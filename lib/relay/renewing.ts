import type { LaneLeases } from './lane-leases';

/** Renews the leases at each third of their time, until the timer is cleared. What fails is met by the delivery, on the same database. */
export function renewing(leases: Pick<LaneLeases, 'keep'>, leaseSeconds: number): NodeJS.Timeout {
  return setInterval(() => void leases.keep(true).catch(() => undefined), (leaseSeconds * 1000) / 3);
}
