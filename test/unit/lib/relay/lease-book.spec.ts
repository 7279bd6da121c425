import { LeaseBook, type Lease } from '../../../../lib/relay/lease-book';

const lease = (until: number, epoch = '1', leaving = false): Lease => ({ epoch, until, leaving });

describe('what a relay knows of its leases', () => {
  let book: LeaseBook;

  beforeEach(() => {
    book = new LeaseBook();
    book.leases = new Map([
      [63, lease(300)],
      [1, lease(200)],
      [2, lease(100, '7', true)],
    ]);
  });

  it('is which lanes to fetch from, in order', () => {
    expect(book.lanes).toEqual([1, 63]);
    expect(book.bits).toBe(2n + 2n ** 63n);
  });

  it('is until when all of them can be relied on, also those that are being given back', () => {
    expect(book.reliableUntil).toBe(100);
  });

  it('is what may be settled, also of those that are being given back', () => {
    expect(book.owned([2, 2, 3])).toEqual([{ lane: 2, epoch: '7' }]);
  });

  it('changes as lanes are given back', () => {
    book.markLeaving([63]);
    expect([book.lanes, book.leaving, book.bits]).toEqual([[1], [63, 2], 2n]);
    book.remove([
      { lane: 63, epoch: '1' },
      { lane: 2, epoch: '6' },
    ]);
    expect([...book.leases.keys()]).toEqual([1, 2]);
  });

  it('is nothing at first', () => {
    expect(new LeaseBook()).toMatchObject({ lanes: [], bits: 0n, leaving: [] });
  });
});
