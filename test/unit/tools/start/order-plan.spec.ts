import { CUSTOMERS, plannedOrder } from '../../../../tools/start/run/order-plan';

describe('plan of the orders', () => {
  const plan = Array.from({ length: 500 }, (_, n) => plannedOrder(n, 'run-1'));

  it('spreads 500 orders over 50 customers, each of whom has some that succeed', () => {
    expect(new Set(plan.map(({ customerId }) => customerId)).size).toBe(CUSTOMERS);
    expect(new Set(plan.filter(({ fails }) => !fails).map(({ customerId }) => customerId)).size).toBe(CUSTOMERS);
  });

  it('lets every tenth fail', () => {
    expect(plan.filter(({ fails }) => fails)).toHaveLength(50);
    expect(plan.map(({ fails }) => fails).indexOf(true)).toBe(9);
  });

  it('has customers with several orders at a time', () => {
    expect(new Set(plan.slice(0, 8).map(({ customerId }) => customerId)).size).toBe(2);
  });

  it('names its customers after the run', () => {
    expect(plan.every(({ customerId }) => customerId.startsWith('run-1-'))).toBe(true);
  });
});
