import { QueryFailedError, type QueryRunner } from 'typeorm';
import { OutboxEventIdTakenError } from '../../../../lib/errors/event.errors';
import { insertEvents, type NewEvent } from '../../../../lib/store/insert-events';
import { keyNumber, laneOf } from '../../../../lib/store/ordering-key';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { aDataSource } from '../support/a-data-source';
import { thrown } from '../support/thrown';

function aNewEvent(eventKey: string, changes: Partial<NewEvent> = {}): NewEvent {
  return {
    id: `id-${eventKey}`,
    aggregateType: 'order',
    aggregateId: `aggregate-${eventKey}`,
    eventType: 'OrderPlaced',
    topic: 'orders',
    eventKey,
    eventData: '{}',
    headers: null,
    ...changes,
  };
}

describe('adding events', () => {
  let tables: OutboxTables;
  let query: jest.Mock<Promise<unknown>, [sql: string, parameters: unknown[]]>;
  let runner: QueryRunner;

  beforeAll(async () => {
    tables = new OutboxTables(await aDataSource(), 'default');
  });
  beforeEach(() => {
    query = jest.fn<Promise<unknown>, [string, unknown[]]>().mockResolvedValue({});
    runner = { query } as unknown as QueryRunner;
  });

  it('runs no statement for none', async () => {
    await insertEvents(runner, tables, []);
    expect(query).not.toHaveBeenCalled();
  });

  it('runs one statement for one, which locks its key', async () => {
    await insertEvents(runner, tables, [aNewEvent('k', { headers: '{"a":"b"}' })]);
    expect(query).toHaveBeenCalledTimes(1);
    const [sql, parameters] = query.mock.calls[0] ?? [];
    expect(sql).toMatch(/^insert into "event_outbox"/);
    expect(parameters).toEqual([
      keyNumber('k'),
      'id-k',
      laneOf('k'),
      'order',
      'aggregate-k',
      'OrderPlaced',
      'orders',
      'k',
      '{}',
      '{"a":"b"}',
    ]);
  });

  it('runs one statement for several, in their order, which locks each key once in the order of the numbers', async () => {
    const keys = ['d', 'a', 'c', 'a', 'b', 'e', 'f', 'g'];
    await insertEvents(
      runner,
      tables,
      keys.map((key) => aNewEvent(key)),
    );
    expect(query).toHaveBeenCalledTimes(1);
    const [locks, ids, lanes] = (query.mock.calls[0]?.[1] ?? []) as [number[], string[], number[]];
    expect(locks).toEqual([...new Set(keys.map(keyNumber))].toSorted((one, other) => one - other));
    expect(locks).toHaveLength(7);
    expect(locks.some((number) => number < 0) && locks.some((number) => number > 0)).toBe(true);
    expect(ids).toEqual(keys.map((key) => `id-${key}`));
    expect(lanes).toEqual(keys.map(laneOf));
  });

  it('takes the locks of one key and of several from one set', async () => {
    await insertEvents(runner, tables, [aNewEvent('a')]);
    await insertEvents(runner, tables, [aNewEvent('a'), aNewEvent('b')]);
    const lockOf = (sql: string | undefined): string | undefined =>
      /pg_advisory_xact_lock\((\d+),/.exec(sql ?? '')?.[1];
    expect(lockOf(query.mock.calls[0]?.[0])).toBe(String(Buffer.from('outb').readInt32BE()));
    expect(lockOf(query.mock.calls[1]?.[0])).toBe(lockOf(query.mock.calls[0]?.[0]));
  });

  it('puts no value of an event into the text of the statement', async () => {
    await insertEvents(runner, tables, [aNewEvent("'; drop table orders; --")]);
    await insertEvents(runner, tables, [aNewEvent("'; drop table orders; --"), aNewEvent('b')]);
    expect(query.mock.calls.map(([sql]) => sql).join()).not.toContain('drop table');
  });

  it('tells of an id that is taken, with the cause', async () => {
    const failure = new QueryFailedError(
      'insert',
      [],
      Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (id)=(7)' }),
    );
    query.mockRejectedValue(failure);
    const error = await thrown(OutboxEventIdTakenError, () => insertEvents(runner, tables, [aNewEvent('a')]));
    expect(error).toMatchObject({ code: 'OUTBOX_EVENT_ID_TAKEN', cause: failure });
    expect(error.message).toContain('(Key (id)=(7))');
  });

  it.each([
    [
      'another error of the database',
      new QueryFailedError('insert', [], Object.assign(new Error('gone'), { code: '57P01' })),
    ],
    ['an error of another kind', new Error('no connection')],
  ])('lets %s through', async (_what, failure) => {
    query.mockRejectedValue(failure);
    await expect(insertEvents(runner, tables, [aNewEvent('a')])).rejects.toBe(failure);
  });
});
