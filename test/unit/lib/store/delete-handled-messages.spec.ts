import type { DataSource } from 'typeorm';
import type { ExpiredPage } from '../../../../lib/store/delete-expired';
import { deleteHandledMessages } from '../../../../lib/store/delete-handled-messages';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { runWithinLimit } from '../../../../lib/store/run-statement';
import { aDataSource } from '../support/a-data-source';

jest.mock('../../../../lib/store/run-statement');
const running = jest.mocked(runWithinLimit);

describe('deleting records of handled messages', () => {
  let dataSource: DataSource;
  let tables: OutboxTables;

  beforeAll(async () => {
    dataSource = await aDataSource({ schema: 'shop' });
    tables = new OutboxTables(dataSource, 'default');
  });
  beforeEach(() => running.mockReset());

  const page = (row: object): Promise<ExpiredPage> => {
    running.mockResolvedValue({ rows: [row], count: 1 });
    return deleteHandledMessages(dataSource, tables, 3600);
  };

  it('is one statement, with the lock of all that the upkeep deletes', async () => {
    await page({ deleted: '0', busy: 'false' });
    expect(running).toHaveBeenCalledTimes(1);
    const [, sql, parameters] = running.mock.calls[0] ?? [];
    expect(sql).toContain('delete from "shop"."event_inbox" i');
    expect(sql).toContain(`pg_try_advisory_xact_lock(${Buffer.from('outu').readInt32BE()}, $1::regclass::oid::int)`);
    expect(parameters).toEqual(['"shop"."event_outbox"', 3600, 1000]);
  });

  it.each<[object, ExpiredPage]>([
    [
      { deleted: '0', busy: 'false' },
      { deleted: 0, next: null, busy: false },
    ],
    [
      { deleted: '999', busy: 'false' },
      { deleted: 999, next: null, busy: false },
    ],
    [
      { deleted: '1000', busy: 'false' },
      { deleted: 1000, next: '0', busy: false },
    ],
    [
      { deleted: '2000', busy: 'false' },
      { deleted: 2000, next: '0', busy: false },
    ],
    [
      { deleted: '0', busy: 'true' },
      { deleted: 0, next: null, busy: true },
    ],
  ])('goes on as long as there may be more: %j is %j', async (row, expected) => {
    await expect(page(row)).resolves.toEqual(expected);
  });
});
