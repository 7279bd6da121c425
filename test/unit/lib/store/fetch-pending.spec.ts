import type { DataSource } from 'typeorm';
import { FetchPending, type FetchedBatch, type PendingQuery } from '../../../../lib/store/fetch-pending';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { PENDING_COLUMNS, toPendingEvent } from '../../../../lib/store/pending-event';
import { PlannedStatement } from '../../../../lib/store/planned-statement';
import { aDataSource } from '../support/a-data-source';

jest.mock('../../../../lib/store/planned-statement');

const Statement = jest.mocked(PlannedStatement);
const running = jest.mocked(PlannedStatement.prototype.run);

const NO_CELLS: null[] = Array.from({ length: PENDING_COLUMNS }, () => null);
const cells = (seq: number): string[] => [
  `${seq}`, '63', 'id', 'OrderPlaced', 'order-1', 'orders', 'customer-1', '{}', '{"a":"b"}', '00-a-b-01', 'a=1', '1767323045678', '7', '1500',
]; // prettier-ignore

/** What the statement says of itself, in a row of its own. */
const BOOK = {
  snapshot: '10:20:',
  late: 0,
  lateUnknown: false,
  found: null,
  reached: null,
  rewinds: null,
  waiting: null,
};

describe('what is pending', () => {
  let dataSource: DataSource;
  let tables: OutboxTables;
  let pending: FetchPending;

  beforeAll(async () => {
    dataSource = await aDataSource();
    tables = new OutboxTables(dataSource, 'default');
  });
  beforeEach(() => {
    jest.resetAllMocks();
    pending = new FetchPending(tables, true);
  });

  const query: PendingQuery = {
    heads: new Map([
      [4, 100],
      [9, 0],
    ]),
    snapshot: { xmax: '77', running: ['70', '75'] },
    passOver: false,
    lookForWaiting: true,
    perLane: 5,
    limit: 100,
    maxBytes: 5000,
  };

  function fetch(book: object, events: string[][] = [], changes: Partial<PendingQuery> = {}): Promise<FetchedBatch> {
    const rows = [
      [...NO_CELLS, null, JSON.stringify({ ...BOOK, ...book })],
      ...events.map((row, place) => [...row, `${place + 1}`, null]),
    ];
    // PostgreSQL does not promise in which order a "union all" comes.
    running.mockResolvedValue({ rows: rows.reverse(), count: rows.length });
    return pending.run(dataSource, { ...query, ...changes });
  }

  it('is asked for from where the lanes stand, as numbers alone', async () => {
    await fetch({});
    expect(running.mock.calls).toEqual([[dataSource, [[4, 9], [100, 0], ['70', '75'], '77', 5, 100, 5000, true]]]);
  });

  it('is asked for by a simpler statement while nothing has to be passed over', async () => {
    const [straight, passingOver] = Statement.mock.calls.map(([, text]) => text);
    expect(straight).not.toContain('"outbox_dead_letter"');
    expect(straight?.length).toBeLessThan(passingOver?.length ?? 0);
    await fetch({}, [], { passOver: false });
    await fetch({}, [], { passOver: true });
    expect(Statement.mock.instances.map((each) => jest.mocked(each.run).mock.calls.length)).toEqual([1, 1]);
  });

  it.each([true, false])('is asked for by statements that connections keep, where they do: %p', (arePrepared) => {
    Statement.mockClear();
    new FetchPending(tables, arePrepared);
    expect(Statement.mock.calls.map(([label, , kept]) => [label, kept])).toEqual([
      ['fetch', arePrepared],
      ['fetch', arePrepared],
    ]);
  });

  it('has the events in their places, in whatever order the rows come', async () => {
    const { events } = await fetch({}, [cells(3), cells(1), cells(2)]);
    expect(events).toEqual([3, 1, 2].map((seq) => toPendingEvent(cells(seq))));
  });

  it('is nothing where there is nothing', async () => {
    await expect(fetch({})).resolves.toEqual({
      events: [],
      snapshot: { xmax: '20', running: [] },
      lateFound: 0,
      lateUnknown: false,
      found: new Map(),
      reached: new Map(),
      rewinds: [],
      waiting: undefined,
    });
  });

  it.each([
    ['10:20:', { xmax: '20', running: [] }],
    ['10:20:10', { xmax: '20', running: ['10'] }],
    ['10:20:10,15,19', { xmax: '20', running: ['10', '15', '19'] }],
    [
      '18446744073709551000:18446744073709551615:18446744073709551001',
      { xmax: '18446744073709551615', running: ['18446744073709551001'] },
    ],
  ])('tells what its snapshot %s could not see', async (snapshot, expected) => {
    expect((await fetch({ snapshot })).snapshot).toEqual(expected);
  });

  it('tells whether it has broken off its look for late ones', async () => {
    expect((await fetch({ lateUnknown: true }, [cells(1)])).lateUnknown).toBe(true);
  });

  it('tells how many were late, also those without room', async () => {
    expect((await fetch({ late: 300 }, [cells(1)])).lateFound).toBe(300);
  });

  it('tells how many each lane had to offer', async () => {
    const found = [
      [4, 5],
      [9, 1],
    ];
    expect((await fetch({ found })).found).toEqual(new Map([[4, 5], [9, 1]])); // prettier-ignore
  });

  it('tells where the walk of each lane has ended, as far as it went', async () => {
    const reached = [
      [4, 20_000],
      [9, null],
    ];
    expect((await fetch({ reached })).reached).toEqual(new Map([[4, 20_000]]));
  });

  it('tells which lanes an operator wants to be begun anew', async () => {
    expect((await fetch({ rewinds: [{ id: 1, lane: 9 }] })).rewinds).toEqual([{ id: 1, lane: 9 }]);
  });

  it.each([
    { due: -0.25, held: true },
    { due: null, held: true },
    { due: null, held: false },
  ])('tells what waits, where it was asked for: %j', async (waiting) => {
    expect((await fetch({ waiting })).waiting).toEqual(waiting);
  });

  it('fails where the database does', async () => {
    running.mockRejectedValue(new Error('no database'));
    await expect(pending.run(dataSource, query)).rejects.toThrow('no database');
  });
});
