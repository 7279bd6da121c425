import type { DataSource } from 'typeorm';
import { deleteExpired, type ExpiredPage } from '../../../../lib/store/delete-expired';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { runWithinLimit } from '../../../../lib/store/run-statement';
import { aDataSource } from '../support/a-data-source';

jest.mock('../../../../lib/store/run-statement');
const running = jest.mocked(runWithinLimit);

describe('deleting a page of what has expired', () => {
  let dataSource: DataSource;
  let tables: OutboxTables;

  beforeAll(async () => {
    dataSource = await aDataSource({ schema: 'shop' });
    tables = new OutboxTables(dataSource, 'default');
  });
  beforeEach(() => running.mockReset());

  const answers = (row: object): void => void running.mockResolvedValue({ rows: [row], count: 1 });

  it('gives the numbers that the database gives as text', async () => {
    const page = (): Promise<ExpiredPage> => deleteExpired(dataSource, tables, 'published', 60, '0');
    answers({ deleted: '12', next: '9007199254740993', busy: 'false' });
    await expect(page()).resolves.toEqual({ deleted: 12, next: '9007199254740993', busy: false });
    answers({ deleted: '0', next: null, busy: 'true' });
    await expect(page()).resolves.toEqual({ deleted: 0, next: null, busy: true });
  });

  it.each([
    ['published', '"shop"."event_outbox"'],
    ['deadLetters', '"shop"."event_outbox_dead_letter"'],
    ['inboxDeadLetters', '"shop"."event_inbox_dead_letter"'],
  ] as const)('is one statement for %s, with one lock for all kinds', async (kept, table) => {
    answers({ deleted: '0', next: null, busy: 'false' });
    await deleteExpired(dataSource, tables, kept, 3600, '7');
    expect(running).toHaveBeenCalledTimes(1);
    const [, sql, parameters] = running.mock.calls[0] ?? [];
    expect(sql).toContain(`delete from ${table} e`);
    expect(sql).toContain(`pg_try_advisory_xact_lock(${Buffer.from('outu').readInt32BE()}, $1::regclass::oid::int)`);
    expect(parameters).toEqual(['"shop"."event_outbox"', 3600, '7', 1000]);
  });

  it('leaves dead letters that hold their key', async () => {
    answers({ deleted: '0', next: null, busy: 'false' });
    await deleteExpired(dataSource, tables, 'deadLetters', 3600, '0');
    expect(running.mock.calls[0]?.[1].match(/and not e\."holds_key"/g)).toHaveLength(2);
  });
});
