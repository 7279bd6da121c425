import type { DataSource } from 'typeorm';
import type { DeadLetterPage } from '../../../../lib/interfaces/dead-letter';
import { findDeadLetters } from '../../../../lib/store/find-dead-letters';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { runStatement } from '../../../../lib/store/run-statement';
import { aDataSource } from '../support/a-data-source';

jest.mock('../../../../lib/store/run-statement');

const running = jest.mocked(runStatement);

/** A row as the statement gives it: all text, whatever parsers the process has. */
const row = {
  id: '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70',
  seq: '9007199254740993',
  aggregateType: 'order',
  aggregateId: '4711',
  eventType: 'OrderPlaced',
  topic: 'orders',
  eventKey: 'customer-1',
  eventData: '{ "long":12345678901234567890,"b":1.0 }',
  headers: '{"zeta":"1","alpha":"\\u00fc"}' as string | null,
  traceparent: '00-a-b-01' as string | null,
  createdAt: '2026-01-02T03:04:05.678Z',
  availableAt: '2026-01-03T00:00:00.000Z' as string | null,
  attempts: '6',
  reason: 'too large',
  diedAt: '2026-01-04T00:00:00.000Z',
  holdsKey: 'true',
};

describe('a page of dead letters', () => {
  let dataSource: DataSource;
  let tables: OutboxTables;

  beforeAll(async () => {
    dataSource = await aDataSource();
    tables = new OutboxTables(dataSource, 'default');
  });
  beforeEach(() => running.mockReset());

  const find = (
    total: { looked: number; last: string | null; fitting: number },
    rows: readonly object[],
    topic: string | null = null,
  ): Promise<DeadLetterPage> => {
    const totals = { ...total, looked: String(total.looked), fitting: String(total.fitting) };
    const all = (rows.length === 0 ? [{ seq: null }] : rows).map((each) => ({ ...totals, ...each }));
    running.mockResolvedValue({ rows: all, count: all.length });
    return findDeadLetters(dataSource, tables, { after: '5', limit: 2, topic, eventKey: null, eventType: null });
  };
  const mostLookedAt = (): unknown => running.mock.calls[0]?.[2][1];

  it('has dates, numbers and headers where these lose nothing, and text elsewhere', async () => {
    const { deadLetters } = await find({ looked: 1, last: row.seq, fitting: 1 }, [row]);
    expect(deadLetters).toEqual([
      {
        ...row,
        headers: { zeta: '1', alpha: 'ü' },
        createdAt: new Date(row.createdAt),
        availableAt: new Date('2026-01-03'),
        diedAt: new Date(row.diedAt),
        attempts: 6,
        holdsKey: true,
      },
    ]);
  });

  it('has null where nothing is stored', async () => {
    const bare = { ...row, headers: null, traceparent: null, availableAt: null, holdsKey: 'false' };
    const { deadLetters } = await find({ looked: 1, last: row.seq, fitting: 1 }, [bare]);
    expect(deadLetters[0]).toMatchObject({ headers: null, traceparent: null, availableAt: null, holdsKey: false });
  });

  it('is the last one where fewer are left than were looked for', async () => {
    await expect(find({ looked: 2, last: '8', fitting: 2 }, [row, row])).resolves.toMatchObject({ next: null });
    expect(mostLookedAt()).toBe(3);
    await expect(find({ looked: 0, last: null, fitting: 0 }, [])).resolves.toEqual({ deadLetters: [], next: null });
  });

  it('goes on behind its last one where more would fit', async () => {
    const page = find({ looked: 3, last: '9', fitting: 3 }, [
      { ...row, seq: '6' },
      { ...row, seq: '7' },
    ]);
    await expect(page).resolves.toMatchObject({ next: '7' });
  });

  it('goes on behind what it has looked at, also where none fits', async () => {
    await expect(find({ looked: 10_000, last: '10005', fitting: 0 }, [], 'orders')).resolves.toEqual({
      deadLetters: [],
      next: '10005',
    });
    expect(mostLookedAt()).toBe(10_000);
    await expect(
      find({ looked: 10_000, last: '10005', fitting: 1 }, [{ ...row, seq: '6' }], 'orders'),
    ).resolves.toMatchObject({ next: '10005' });
  });
});
