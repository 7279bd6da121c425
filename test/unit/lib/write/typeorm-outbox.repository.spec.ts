import type { DataSource, QueryRunner } from 'typeorm';
import { OutboxArgumentInvalidError, OutboxEventInvalidError } from '../../../../lib/errors/event.errors';
import { OutboxTransactionRequiredError } from '../../../../lib/errors/transaction.errors';
import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import type { WrittenTrace } from '../../../../lib/interfaces/written-trace';
import { laneOf } from '../../../../lib/store/ordering-key';
import { InsertEvents } from '../../../../lib/store/insert-events';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { TransactionContext } from '../../../../lib/transaction/transaction-context';
import { TypeOrmOutboxRepository } from '../../../../lib/write/typeorm-outbox.repository';
import { aDataSource } from '../support/a-data-source';
import { anEvent } from '../support/an-event';
import { FakeRunner } from '../support/fake-runner';
import { thrown } from '../support/thrown';

describe('the outbox of a data source', () => {
  let dataSource: DataSource;
  let opened: FakeRunner[];
  let onCommitted: jest.Mock<undefined, [bigint]>;
  let told: OutboxActivity[];
  let trace: WrittenTrace | undefined;
  let outbox: TypeOrmOutboxRepository;

  beforeEach(async () => {
    dataSource = await aDataSource();
    opened = [];
    dataSource.driver.createQueryRunner = () => {
      const runner = new FakeRunner(dataSource);
      opened.push(runner);
      return runner.asRunner;
    };
    onCommitted = jest.fn<undefined, [bigint]>();
    told = [];
    trace = undefined;
    const context = TransactionContext.of(dataSource, 'default');
    outbox = new TypeOrmOutboxRepository(
      dataSource,
      new OutboxTables(dataSource, 'default'),
      context,
      { maxEventBytes: 1000, preparedStatements: true },
      { onCommitted, tell: (activity) => void told.push(activity), currentTrace: () => trace },
    );
  });

  /** What each runner was asked to do, inserts without their details. */
  const statements = (): string[][] =>
    opened.map((runner) => runner.statements.map((sql) => (sql.startsWith('insert into') ? 'insert' : sql)));

  it('adds to the current transaction, and gives the ids', async () => {
    const [id, ids] = await dataSource.transaction(async () => [
      await outbox.addEvent(anEvent()),
      await outbox.addEvents([anEvent({ id: '0198C5A4-6F2B-7C3E-8A1D-2B3C4D5E6F70' }), anEvent()]),
    ]);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(ids).toEqual(['0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70', expect.any(String)]);
    expect(statements()).toEqual([['START', 'insert', 'insert', 'COMMIT']]);
  });

  it('adds none of an empty list', async () => {
    await expect(dataSource.transaction(() => outbox.addEvents([]))).resolves.toEqual([]);
    expect(statements()).toEqual([['START', 'COMMIT']]);
    expect(onCommitted).not.toHaveBeenCalled();
  });

  it('adds to the transaction of a runner or a manager that it is given', async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await outbox.addEvent(anEvent(), { queryRunner: runner });
    await outbox.addEvents([anEvent()], { manager: runner.manager });
    await runner.commitTransaction();
    expect(statements()).toEqual([['START', 'insert', 'insert', 'COMMIT']]);
    expect(onCommitted).toHaveBeenCalledTimes(1);
  });

  describe('tells of what was added', () => {
    const added = (...counts: [string, number][]): OutboxActivity => ({
      type: 'added',
      counts: counts.map(([eventType, count]) => ({ eventType, count })),
    });

    it('once the transaction has committed, counted by type', async () => {
      await dataSource.transaction(async () => {
        await outbox.addEvents([anEvent(), anEvent({ eventType: 'Other' }), anEvent()]);
        await outbox.addEvent(anEvent());
        expect(told).toEqual([]);
      });
      expect(told).toEqual([added(['OrderPlaced', 3], ['Other', 1])]);
    });

    it('never where it was rolled back', async () => {
      await dataSource
        .transaction(async () => {
          await outbox.addEvent(anEvent());
          throw new Error('no');
        })
        .catch(() => undefined);
      expect(told).toEqual([]);
    });

    it('without what a savepoint added that was rolled back', async () => {
      await dataSource.transaction(async (manager) => {
        await outbox.addEvent(anEvent());
        await manager
          .transaction(async () => {
            await outbox.addEvent(anEvent({ eventType: 'Undone' }));
            throw new Error('no');
          })
          .catch(() => undefined);
        await manager.transaction(() => outbox.addEvent(anEvent({ eventType: 'Kept' })));
      });
      expect(told).toEqual([added(['OrderPlaced', 1]), added(['Kept', 1])]);
    });
  });

  it('stores the trace that the calling code is part of', async () => {
    const insert = jest.spyOn(InsertEvents.prototype, 'run');
    trace = { traceparent: '00-a-b-01', tracestate: 'x=1' };
    await dataSource.transaction(() => outbox.addEvent(anEvent()));
    trace = undefined;
    await dataSource.transaction(() => outbox.addEvent(anEvent()));
    expect(insert.mock.calls.map(([, , given]) => given)).toEqual([
      { traceparent: '00-a-b-01', tracestate: 'x=1' },
      undefined,
    ]);
    insert.mockRestore();
  });

  it('prefers the transaction that it is given to the current one', async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await dataSource.transaction(() => outbox.addEvent(anEvent(), { queryRunner: runner }));
    expect(statements()).toEqual([
      ['START', 'insert'],
      ['START', 'COMMIT'],
    ]);
  });

  describe('without a transaction', () => {
    it('adds nothing, and says what to do', async () => {
      const error = await thrown(OutboxTransactionRequiredError, () => outbox.addEvent(anEvent()));
      expect(error.code).toBe('OUTBOX_TRANSACTION_REQUIRED');
      expect(error.message).toMatch(
        /data source "default".*@Outboxed\(\), or wrap the code in dataSource\.transaction/,
      );
      expect(opened).toEqual([]);
    });

    it('adds nothing, not even none', async () => {
      await thrown(OutboxTransactionRequiredError, () => outbox.addEvents([]));
    });

    it.each([
      ['a runner that has begun none', (runner: QueryRunner) => ({ queryRunner: runner })],
      ['a manager whose runner has begun none', (runner: QueryRunner) => ({ manager: runner.manager })],
      ['a manager without a runner', () => ({ manager: dataSource.manager })],
    ])('adds nothing to %s', async (_what, transactionOf) => {
      const runner = dataSource.createQueryRunner();
      await thrown(OutboxTransactionRequiredError, () => outbox.addEvent(anEvent(), transactionOf(runner)));
      expect(statements()).toEqual([[]]);
    });
  });

  it('checks the events before it looks for a transaction', async () => {
    await thrown(OutboxEventInvalidError, () => outbox.addEvents([anEvent({ topic: '' })]));
    await thrown(OutboxEventInvalidError, () => outbox.addEvent(anEvent({ eventData: 'x'.repeat(999) })));
  });

  it('wakes the relay once for a commit with events, however many were added', async () => {
    await dataSource.transaction(async () => {
      await outbox.addEvent(anEvent());
      await outbox.addEvents([anEvent(), anEvent()]);
      expect(onCommitted).not.toHaveBeenCalled();
    });
    expect(onCommitted).toHaveBeenCalledTimes(1);
  });

  it('tells which lanes the events of a commit are in, also those of savepoints, and only of this transaction', async () => {
    const keys = Array.from({ length: 200 }, (_, n) => `key-${n}`);
    const [one, two, three] = [5, 63, 0].map((lane) => keys.find((key) => laneOf(key) === lane) as string);
    await dataSource.transaction(async (manager) => {
      await outbox.addEvent(anEvent({ eventKey: one }));
      await manager.transaction(() => outbox.addEvents([anEvent({ eventKey: one }), anEvent({ eventKey: two })]));
      await dataSource.transaction(() => outbox.addEvent(anEvent({ eventKey: three })));
    });
    expect(onCommitted.mock.calls).toEqual([[1n], [2n ** 5n + 2n ** 63n]]);
  });

  it('does not wake the relay for a transaction that is rolled back', async () => {
    await dataSource
      .transaction(async () => {
        await outbox.addEvent(anEvent());
        throw new Error('no stock');
      })
      .catch(() => undefined);
    expect(statements()).toEqual([['START', 'insert', 'ROLLBACK']]);
    expect(onCommitted).not.toHaveBeenCalled();
  });

  it('does not wake the relay for events of a savepoint that is rolled back', async () => {
    await dataSource.transaction(async (manager) => {
      await manager
        .transaction(async () => {
          await outbox.addEvent(anEvent());
          throw new Error('no stock');
        })
        .catch(() => undefined);
    });
    expect(statements()).toEqual([['START', 'SAVEPOINT 1', 'insert', 'ROLLBACK TO 1', 'COMMIT']]);
    expect(onCommitted).not.toHaveBeenCalled();
  });

  it.each(['', '4711', 'null'])('refuses to look for the id "%s"', async (id) => {
    const error = await thrown(OutboxArgumentInvalidError, () => outbox.getEventById(id));
    expect(error).toMatchObject({
      code: 'OUTBOX_ARGUMENT_INVALID',
      message: expect.stringContaining(`was given "${id}"`) as unknown,
    });
    expect(opened).toEqual([]);
  });

  it.each([0, -1, 1.5, 10_001, NaN, Infinity, '7'])('refuses the limit %p', async (limit) => {
    const error = await thrown(OutboxArgumentInvalidError, () => outbox.getUnpublishedEvents(limit as number));
    expect(error.message).toContain('from 1 to 10000');
    expect(opened).toEqual([]);
  });
});
