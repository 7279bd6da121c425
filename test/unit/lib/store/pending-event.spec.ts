import type { DataSource } from 'typeorm';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { PENDING_COLUMNS, pendingColumns, toPendingEvent } from '../../../../lib/store/pending-event';
import { aDataSource } from '../support/a-data-source';

const row: readonly (string | null)[] = [
  '9007199254740991',
  '63',
  '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70',
  'OrderPlaced',
  'order-1',
  'orders',
  'customer-1',
  '{ "long":12345678901234567890,"b":1.0 }',
  null,
  null,
  null,
  '1767323045678',
  '7',
  '1500',
];
const withColumn = (index: number, value: string): (string | null)[] => row.with(index, value);

/** The columns of a list; a comma inside of parentheses ends none. */
function columnsOf(list: string): string[] {
  let depth = 0;
  const marked = list.replace(/[(),]/g, (character) => {
    depth += { '(': 1, ')': -1 }[character] ?? 0;
    return character === ',' && depth === 0 ? '\n' : character;
  });
  return marked.split('\n ');
}

describe('a pending event', () => {
  it('has numbers where the relay reckons with them, and text where a number would lose something', () => {
    expect(toPendingEvent(row)).toEqual({
      seq: 9_007_199_254_740_991,
      lane: 63,
      id: '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70',
      eventType: 'OrderPlaced',
      aggregateId: 'order-1',
      topic: 'orders',
      eventKey: 'customer-1',
      eventData: '{ "long":12345678901234567890,"b":1.0 }',
      headers: null,
      traceparent: null,
      tracestate: null,
      createdAt: '2026-01-02T03:04:05.678Z',
      attempts: 7,
      ageMs: 1500,
    });
  });

  it('has its headers as an object, in their order', () => {
    const { headers } = toPendingEvent(withColumn(8, '{"zeta":"1","alpha":"\\u00fc"}'));
    expect(Object.entries(headers ?? {})).toEqual([
      ['zeta', '1'],
      ['alpha', 'ü'],
    ]);
  });

  it('has its trace context', () => {
    expect(toPendingEvent(withColumn(9, '00-a-b-01')).traceparent).toBe('00-a-b-01');
    expect(toPendingEvent(withColumn(10, 'a=1')).tracestate).toBe('a=1');
  });

  it.each([
    ['0', '1970-01-01T00:00:00.000Z'],
    ['-1', '1969-12-31T23:59:59.999Z'],
    ['1767323045000', '2026-01-02T03:04:05.000Z'],
  ])('has its time written out in UTC to the millisecond: %s is %s', (milliseconds, time) => {
    expect(toPendingEvent(withColumn(11, milliseconds)).createdAt).toBe(time);
  });

  describe('is asked for', () => {
    let dataSource: DataSource;
    let columns: string[];

    beforeAll(async () => {
      dataSource = await aDataSource();
      columns = columnsOf(pendingColumns(new OutboxTables(dataSource, 'default').event, 'x', 'x.data'));
    });

    it('with as many columns as it says', () => {
      expect(columns).toHaveLength(PENDING_COLUMNS);
      expect(row).toHaveLength(PENDING_COLUMNS);
    });

    it('with JSON as text, so that no driver parses it, and nothing else written out twice', () => {
      expect(columns.filter((column) => column.includes('::text'))).toEqual(['x."headers"::text']);
    });

    it('with its payload from where that was made text before', () => {
      expect(columns[7]).toBe('x.data');
    });
  });
});
