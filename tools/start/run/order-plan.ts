export interface PlannedOrder {
  readonly customerId: string;
  /** Whether its transaction is to fail after it has added its event. */
  readonly fails: boolean;
}

export const CUSTOMERS = 50;
const ONE_AFTER_THE_OTHER = 4;
const FAILS_EACH = 10;

/**
 * The n-th order, from 0. Several in a row are of one customer, so that orders of a key are placed at the same time; which of a customer's
 * orders fails changes from round to round.
 */
export function plannedOrder(n: number, runId: string): PlannedOrder {
  const group = Math.floor(n / ONE_AFTER_THE_OTHER);
  const customer = (group + Math.floor(group / CUSTOMERS)) % CUSTOMERS;
  return { customerId: `${runId}-customer-${customer}`, fails: n % FAILS_EACH === FAILS_EACH - 1 };
}
