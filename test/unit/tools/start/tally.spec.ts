import { tally, type CommittedOrder, type ConsumedEvent } from '../../../../tools/start/run/tally';

/** Orders 1, 2, 3, ... of a key, in the order of their commits. */
function orders(key: string, count: number): CommittedOrder[] {
  return Array.from({ length: count }, (_, n) => ({ orderId: `${key}${n + 1}`, key, position: n + 1 }));
}

function events(...orderIds: string[]): ConsumedEvent[] {
  return orderIds.map((orderId) => ({ id: `event of ${orderId}`, orderId }));
}

const WELL = { lost: 0, phantom: 0, outOfOrder: 0, duplicates: 0 };

describe('tally of a run', () => {
  const committed = [...orders('a', 3), ...orders('b', 2)];

  it('finds nothing where every event came once and in order, keys mixed at will', () => {
    expect(tally(committed, events('a1', 'b1', 'a2', 'b2', 'a3'))).toEqual({ ...WELL, consumed: 5 });
  });

  it('finds nothing in an empty run', () => {
    expect(tally([], [])).toEqual({ ...WELL, consumed: 0 });
  });

  it('finds a loss', () => {
    expect(tally(committed, events('a1', 'b1', 'b2', 'a3'))).toEqual({ ...WELL, consumed: 4, lost: 1 });
  });

  it('finds the event of an order that rolled back', () => {
    expect(tally(committed, events('a1', 'x', 'b1', 'a2', 'b2', 'a3'))).toEqual({ ...WELL, consumed: 6, phantom: 1 });
  });

  it('finds a second event of one order', () => {
    const twice = [...events('a1', 'b1', 'a2', 'b2', 'a3'), { id: 'another event', orderId: 'a1' }];
    expect(tally(committed, twice)).toEqual({ ...WELL, consumed: 6, phantom: 1 });
  });

  it('finds an inversion within a key', () => {
    expect(tally(committed, events('a2', 'a1', 'a3', 'b1', 'b2'))).toEqual({ ...WELL, consumed: 5, outOfOrder: 1 });
  });

  it('counts every event that came late', () => {
    expect(tally(committed, events('a3', 'a1', 'a2', 'b2', 'b1'))).toEqual({ ...WELL, consumed: 5, outOfOrder: 3 });
  });

  it('finds a redelivery, and does not take it for an inversion', () => {
    expect(tally(committed, events('a1', 'a2', 'a1', 'a2', 'a3', 'b1', 'b2'))).toEqual({
      ...WELL,
      consumed: 5,
      duplicates: 2,
    });
  });

  it('takes the first delivery for the order, and not a later one', () => {
    expect(tally(committed, events('a2', 'a1', 'a2', 'a3', 'b1', 'b2'))).toEqual({
      ...WELL,
      consumed: 5,
      outOfOrder: 1,
      duplicates: 1,
    });
  });

  it('a loss is no inversion', () => {
    expect(tally(committed, events('a1', 'a3', 'b2'))).toEqual({ ...WELL, consumed: 3, lost: 2 });
  });
});
