import type { DataSource } from 'typeorm';
import { fetchPending, type PendingEvent } from '../../../../lib/store/fetch-pending';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { runWithinLimit } from '../../../../lib/store/run-statement';
import { aDataSource } from '../support/a-data-source';

jest.mock('../../../../lib/store/run-statement');

const running = jest.mocked(runWithinLimit);

/** A row as the statement gives it: all text, whatever parsers the process has. */
const row = {
  seq: '9007199254740993',
  lane: '63',
  id: '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70',
  eventType: 'OrderPlaced',
  aggregateId: '4711',
  topic: 'orders',
  eventKey: 'customer-1',
  eventData: '{ "long":12345678901234567890,"b":1.0 }',
  headers: null as string | null,
  traceparent: null as string | null,
  createdAt: '2026-01-02T03:04:05.678Z',
  attempts: '7',
};

describe('what is pending', () => {
  let dataSource: DataSource;
  let tables: OutboxTables;

  beforeAll(async () => {
    dataSource = await aDataSource();
    tables = new OutboxTables(dataSource, 'default');
  });
  beforeEach(() => running.mockReset());

  const fetch = (
    rows: readonly (typeof row)[],
    lanes: readonly number[] = [1, 2],
  ): Promise<readonly PendingEvent[]> => {
    running.mockResolvedValue({ rows, count: rows.length });
    return fetchPending(dataSource, tables, { lanes, heldKeys: ['k'], limit: 100, maxBytes: 5000 });
  };
  const parameters = (): readonly unknown[] => running.mock.calls[0]?.[2] ?? [];

  it('has numbers where the relay reckons with them, and text where a number would lose something', async () => {
    await expect(fetch([row])).resolves.toEqual([{ ...row, lane: 63, attempts: 7 }]);
  });

  it('has the headers as an object, where there are any', async () => {
    const [event] = await fetch([{ ...row, headers: '{"zeta":"1","alpha":"\\u00fc"}' }]);
    expect(Object.entries(event?.headers ?? {})).toEqual([
      ['zeta', '1'],
      ['alpha', 'ü'],
    ]);
  });

  it('has the trace context, and the order of the rows', async () => {
    const events = await fetch([
      { ...row, seq: '1', traceparent: '00-a-b-01' },
      { ...row, seq: '2' },
    ]);
    expect(events.map(({ seq, traceparent }) => [seq, traceparent])).toEqual([
      ['1', '00-a-b-01'],
      ['2', null],
    ]);
  });

  it('is nothing where there is nothing', async () => {
    await expect(fetch([])).resolves.toEqual([]);
  });

  it('is asked for as text, so that no parser of the application touches it', async () => {
    await fetch([]);
    const sql = running.mock.calls[0]?.[1] ?? '';
    for (const column of ['seq', 'lane', 'id', 'headers', 'attempts']) {
      expect(sql).toContain(`m."${column}"::text as ${column}`);
    }
    expect(sql).toContain('e."event_data"::text as data');
    expect(sql).toMatch(/to_char\(m\."created_at" at time zone 'UTC', .*\) as "createdAt"/);
  });

  it('is asked for by lanes and bounds, with no value in the text of the statement', async () => {
    await fetch([], [1, 2]);
    expect(parameters()).toEqual([[1, 2], ['k'], 100, 100, 5000]);
  });

  it.each([
    [1, 100],
    [4, 100],
    [8, 50],
    [64, 7],
  ])('comes from each of %d lanes up to four times its share: %d', async (lanes, perLane) => {
    await fetch(
      [],
      Array.from({ length: lanes }, (_, lane) => lane),
    );
    expect(parameters()[2]).toBe(perLane);
  });
});
