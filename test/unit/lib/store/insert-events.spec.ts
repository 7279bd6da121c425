import { QueryFailedError, type QueryRunner } from 'typeorm';
import { OutboxEventIdTakenError } from '../../../../lib/errors/event.errors';
import { OutboxDeadlockError } from '../../../../lib/errors/transaction.errors';
import { InsertEvents, type NewEvent } from '../../../../lib/store/insert-events';
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
    availableAt: null,
    ...changes,
  };
}

describe.each([
  ['prepared', true],
  ['plain', false],
])('adding events by a %s statement', (_how, arePrepared) => {
  let insert: InsertEvents;
  let query: jest.Mock<Promise<unknown>, [sql: string, parameters: unknown[]]>;
  let connect: jest.Mock;
  let runner: QueryRunner;

  beforeAll(async () => {
    insert = new InsertEvents(new OutboxTables(await aDataSource(), 'default'), arePrepared);
  });
  beforeEach(() => {
    query = jest.fn<Promise<unknown>, [string, unknown[]]>().mockResolvedValue({});
    connect = jest.fn().mockResolvedValue({
      query: ({ text, values }: { text: string; values: unknown[] }) => query(text, values),
    });
    const asTypeOrm = async (sql: string, parameters: unknown[]): Promise<unknown> => {
      await (connect as () => Promise<unknown>)();
      return query(sql, parameters).catch((error: unknown) => {
        throw new QueryFailedError(sql, parameters, error as Error);
      });
    };
    const logger = { logQuery: jest.fn(), logQueryError: jest.fn() };
    runner = { connect, query: asTypeOrm, connection: { logger } } as unknown as QueryRunner;
  });

  it('runs no statement for none', async () => {
    await insert.run(runner, []);
    expect(query).not.toHaveBeenCalled();
  });

  it('runs one statement for one, which locks its key', async () => {
    await insert.run(runner, [aNewEvent('k', { headers: '{"a":"b"}', availableAt: '2030-01-01T00:00:00.000Z' })]);
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
      '2030-01-01T00:00:00.000Z',
      null,
      null,
    ]);
  });

  it('runs one statement for several, in their order, which locks each key once in the order of the numbers', async () => {
    const keys = ['d', 'a', 'c', 'a', 'b', 'e', 'f', 'g'];
    await insert.run(
      runner,
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

  it('stores the trace of the writer with one and with several', async () => {
    const trace = { traceparent: '00-a-b-01', tracestate: 'x=1' };
    await insert.run(runner, [aNewEvent('k')], trace);
    await insert.run(runner, [aNewEvent('k'), aNewEvent('l')], { ...trace, tracestate: null });
    expect(query.mock.calls.map(([, parameters]) => parameters.slice(-2))).toEqual([
      ['00-a-b-01', 'x=1'],
      ['00-a-b-01', null],
    ]);
  });

  it('lets the clock of the database decide whether a time lies ahead, for one and for several', async () => {
    const availableAt = '2030-01-01T00:00:00.000Z';
    await insert.run(runner, [aNewEvent('a', { availableAt })]);
    await insert.run(runner, [aNewEvent('a', { availableAt }), aNewEvent('b')]);
    const [one, many] = query.mock.calls;
    expect(one?.[0]).toContain('case when $11::timestamptz > clock_timestamp() then $11::timestamptz end');
    expect(many?.[0]).toContain('case when e.available_at > clock_timestamp() then e.available_at end');
    expect([one?.[1].at(10), many?.[1].at(10)]).toEqual([availableAt, [availableAt, null]]);
  });

  it('takes the locks of one key and of several from one set', async () => {
    await insert.run(runner, [aNewEvent('a')]);
    await insert.run(runner, [aNewEvent('a'), aNewEvent('b')]);
    const lockOf = (sql: string | undefined): string | undefined =>
      /pg_advisory_xact_lock\((\d+),/.exec(sql ?? '')?.[1];
    expect(lockOf(query.mock.calls[0]?.[0])).toBe(String(Buffer.from('outb').readInt32BE()));
    expect(lockOf(query.mock.calls[1]?.[0])).toBe(lockOf(query.mock.calls[0]?.[0]));
  });

  it('puts no value of an event into the text of the statement', async () => {
    await insert.run(runner, [aNewEvent("'; drop table orders; --")]);
    await insert.run(runner, [aNewEvent("'; drop table orders; --"), aNewEvent('b')]);
    expect(query.mock.calls.map(([sql]) => sql).join()).not.toContain('drop table');
  });

  it('tells of an id that is taken, with the cause', async () => {
    const failure = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (id)=(7)' });
    query.mockRejectedValue(failure);
    const error = await thrown(OutboxEventIdTakenError, () => insert.run(runner, [aNewEvent('a')]));
    expect(error).toMatchObject({
      code: 'OUTBOX_EVENT_ID_TAKEN',
      cause: expect.objectContaining({ driverError: failure }) as unknown,
    });
    expect(error.message).toContain('(Key (id)=(7))');
  });

  it.each([
    [{ detail: 'Process 1 waits for 2;\nProcess 2 waits for 1.' }, '(Process 1 waits for 2; Process 2 waits for 1.)'],
    [{}, '(deadlock detected)'],
  ])('tells of a deadlock, with the cause: %p', async (details, told) => {
    const failure = Object.assign(new Error('deadlock detected'), { code: '40P01' }, details);
    query.mockRejectedValue(failure);
    const error = await thrown(OutboxDeadlockError, () => insert.run(runner, [aNewEvent('a')]));
    expect(error).toMatchObject({
      code: 'OUTBOX_DEADLOCK',
      cause: expect.objectContaining({ driverError: failure }) as unknown,
    });
    expect(error.message).toContain(told);
    expect(error.message).toContain(
      'Add events last, after all rows are written, and several events with one addEvents',
    );
  });

  it('lets another error of the database through', async () => {
    const failure = Object.assign(new Error('gone'), { code: '57P01' });
    query.mockRejectedValue(failure);
    const error = await thrown(QueryFailedError, () => insert.run(runner, [aNewEvent('a')]));
    expect(error.driverError).toBe(failure);
  });

  it('lets an error of another kind through', async () => {
    const failure = new Error('no connection');
    connect.mockRejectedValue(failure);
    await expect(insert.run(runner, [aNewEvent('a')])).rejects.toBe(failure);
  });
});
