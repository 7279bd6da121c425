import type { DataSource } from 'typeorm';
import type { OutboxDeadLetters } from '../../../../lib/admin/outbox-dead-letters';
import { TypeOrmDeadLetters } from '../../../../lib/admin/typeorm-dead-letters';
import { OutboxDeadLetterNotFoundError, OutboxReplayConflictError } from '../../../../lib/errors/dead-letter.errors';
import { OutboxArgumentInvalidError } from '../../../../lib/errors/event.errors';
import type { DeadLetterQuery } from '../../../../lib/interfaces/dead-letter';
import { discardDeadLetters } from '../../../../lib/store/discard-dead-letters';
import { findDeadLetter } from '../../../../lib/store/find-dead-letter';
import { findDeadLetters } from '../../../../lib/store/find-dead-letters';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { releaseKey } from '../../../../lib/store/release-key';
import { replayDeadLetters } from '../../../../lib/store/replay-dead-letters';
import { TransactionContext } from '../../../../lib/transaction/transaction-context';
import { aDataSource } from '../support/a-data-source';
import { FakeRunner } from '../support/fake-runner';
import { thrown } from '../support/thrown';

jest.mock('../../../../lib/store/discard-dead-letters');
jest.mock('../../../../lib/store/find-dead-letter');
jest.mock('../../../../lib/store/find-dead-letters');
jest.mock('../../../../lib/store/release-key');
jest.mock('../../../../lib/store/replay-dead-letters');

const discarding = jest.mocked(discardDeadLetters);
const finding = jest.mocked(findDeadLetters);
const findingOne = jest.mocked(findDeadLetter);
const releasing = jest.mocked(releaseKey);
const replaying = jest.mocked(replayDeadLetters);

const [A, B, C] = [
  '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f70',
  '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f71',
  '0198c5a4-6f2b-7c3e-8a1d-2b3c4d5e6f72',
] as const;

describe('the dead letters of a data source', () => {
  let dataSource: DataSource;
  let onChanged: jest.Mock<undefined, [readonly number[]]>;
  let deadLetters: OutboxDeadLetters;

  beforeEach(async () => {
    jest.resetAllMocks();
    dataSource = await aDataSource();
    dataSource.driver.createQueryRunner = () => new FakeRunner(dataSource).asRunner;
    onChanged = jest.fn<undefined, [readonly number[]]>();
    const tables = new OutboxTables(dataSource, 'default');
    deadLetters = new TypeOrmDeadLetters(dataSource, tables, TransactionContext.of(dataSource, 'default'), onChanged);
  });

  const nothingWasRun = (): void => {
    for (const statement of [discarding, finding, findingOne, releasing, replaying]) {
      expect(statement).not.toHaveBeenCalled();
    }
    expect(onChanged).not.toHaveBeenCalled();
  };

  describe('when listed', () => {
    it('are looked for from the beginning, 100 at a time, without a filter', async () => {
      finding.mockResolvedValue({ deadLetters: [], next: null });
      await expect(deadLetters.list()).resolves.toEqual({ deadLetters: [], next: null });
      await deadLetters.list({ after: null });
      const expected = { after: '0', limit: 100, topic: null, eventKey: null, eventType: null };
      expect(finding.mock.calls.map((call) => call[2])).toEqual([expected, expected]);
    });

    it('are looked for as asked', async () => {
      const query = { after: '9223372036854775807', limit: 1000, topic: 't', eventKey: 'k', eventType: 'e' };
      await deadLetters.list(query);
      expect(finding.mock.calls[0]?.[2]).toEqual(query);
    });

    it.each<[string, unknown, string]>([
      ['a query that is no object', 'orders', 'was given "orders"'],
      ['null', null, 'was given null'],
      ['the limit 0', { limit: 0 }, 'from 1 to 1000'],
      ['the limit 1001', { limit: 1001 }, 'from 1 to 1000'],
      ['the limit 1.5', { limit: 1.5 }, 'from 1 to 1000'],
      ['a limit as text', { limit: '7' }, 'the limit "7"'],
      ['no limit at all', { limit: null }, 'the limit null'],
      ['a place that is no number', { after: 'x' }, '"x" as "after"'],
      ['a negative place', { after: '-1' }, '"-1" as "after"'],
      ['a place as a number', { after: 7 }, '7 as "after"'],
      ['a place beyond all', { after: '9223372036854775808' }, 'as "after"'],
      ['an empty topic', { topic: '' }, '"topic"'],
      ['a key that is a number', { eventKey: 7 }, '"eventKey"'],
      ['a type with a NUL character', { eventType: 'a\0' }, '"eventType"'],
      ['half of a surrogate pair', { eventType: '\ud800' }, '"eventType"'],
      [
        'a misspelt filter',
        { evenType: 'OrderPlaced' },
        '"evenType", which is not a part of the query; "eventType" is',
      ],
      ['an unknown filter', { aggregateVersion: 1 }, '"aggregateVersion", which is not a part of the query.'],
    ])('refuse %s', async (_what, query, message) => {
      const error = await thrown(OutboxArgumentInvalidError, () => deadLetters.list(query as DeadLetterQuery));
      expect(error.message).toContain(message);
      nothingWasRun();
    });
  });

  describe.each<[string, (id: string) => Promise<unknown>]>([
    ['get', (id) => deadLetters.get(id)],
    ['replay', (id) => deadLetters.replay(id)],
    ['discard', (id) => deadLetters.discard(id)],
    ['replayMany', (id) => deadLetters.replayMany([A, id])],
    ['discardMany', (id) => deadLetters.discardMany([A, id])],
  ])('%s', (method, call) => {
    it.each(['', '4711', 7, null, undefined])('refuses the id %p', async (id) => {
      const error = await thrown(OutboxArgumentInvalidError, () => call(id as string));
      expect(error.message).toContain(`${method} was given ${typeof id === 'string' ? `"${id}"` : String(id)}`);
      nothingWasRun();
    });
  });

  describe.each<[string, (ids: readonly string[]) => Promise<unknown>]>([
    ['replayMany', (ids) => deadLetters.replayMany(ids)],
    ['discardMany', (ids) => deadLetters.discardMany(ids)],
  ])('%s', (method, call) => {
    it.each<[string, unknown, string]>([
      ['what is no list', A, `${method} was given "${A}", and needs a list`],
      ['too many', Array.from({ length: 1001 }, () => A), `${method} was given 1001 ids, and takes at most 1000`],
    ])('refuses %s', async (_what, ids, message) => {
      const error = await thrown(OutboxArgumentInvalidError, () => call(ids as string[]));
      expect(error.message).toContain(message);
      nothingWasRun();
    });

    it('runs nothing for an empty list', async () => {
      await expect(call([])).resolves.toMatchObject({ notFound: [] });
      nothingWasRun();
    });
  });

  it('are got by an id in lower case', async () => {
    findingOne.mockResolvedValue(null);
    await expect(deadLetters.get(A.toUpperCase())).resolves.toBeNull();
    expect(findingOne.mock.calls[0]?.[2]).toBe(A);
  });

  describe('when replayed', () => {
    it('give the id of the replay', async () => {
      replaying.mockResolvedValue([{ id: A, lane: 7, moved: true }]);
      const replayId = await deadLetters.replay(A.toUpperCase());
      expect(replayId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(replaying.mock.calls[0]?.slice(2)).toEqual([[A], replayId]);
      expect(onChanged.mock.calls).toEqual([[[7]]]);
    });

    it('say that one is not there', async () => {
      replaying.mockResolvedValue([]);
      const error = await thrown(OutboxDeadLetterNotFoundError, () => deadLetters.replay(A));
      expect(error).toMatchObject({ id: A, message: expect.stringContaining(A) as unknown });
      expect(onChanged).not.toHaveBeenCalled();
    });

    it('say that one cannot come back', async () => {
      replaying.mockResolvedValue([{ id: A, lane: 7, moved: false }]);
      const error = await thrown(OutboxReplayConflictError, () => deadLetters.replay(A));
      expect(error).toMatchObject({ id: A, message: expect.stringContaining(A) as unknown });
      expect(onChanged).not.toHaveBeenCalled();
    });

    it('tell what became of each of many, in the order that was asked for, each once', async () => {
      replaying.mockResolvedValue([
        { id: C, lane: 9, moved: true },
        { id: A, lane: 7, moved: false },
      ]);
      await expect(deadLetters.replayMany([A, C.toUpperCase(), B, C])).resolves.toEqual({
        replayId: expect.any(String) as unknown,
        replayed: [C],
        conflicts: [A],
        notFound: [B],
      });
      expect(replaying.mock.calls[0]?.[2]).toEqual([A, C, B]);
      expect(onChanged.mock.calls).toEqual([[[9]]]);
    });
  });

  describe('when discarded', () => {
    it.each([
      [true, [{ id: A, lane: 7, held: false }]],
      [false, []],
    ])('say whether there was one: %s', async (there, rows) => {
      discarding.mockResolvedValue(rows);
      await expect(deadLetters.discard(A)).resolves.toBe(there);
      expect(onChanged).not.toHaveBeenCalled();
    });

    it('tell what became of each of many, and wake for the keys that they held', async () => {
      discarding.mockResolvedValue([
        { id: C, lane: 9, held: true },
        { id: A, lane: 7, held: false },
        { id: B, lane: 9, held: true },
      ]);
      await expect(deadLetters.discardMany([A, B, C])).resolves.toEqual({ discarded: [A, B, C], notFound: [] });
      expect(onChanged.mock.calls).toEqual([[[9]]]);
    });
  });

  describe('when a key is released', () => {
    it('say how many have held it', async () => {
      releasing.mockResolvedValue([{ lane: 3 }, { lane: 3 }]);
      await expect(deadLetters.release('k')).resolves.toBe(2);
      expect(releasing.mock.calls[0]?.[2]).toBe('k');
      expect(onChanged.mock.calls).toEqual([[[3]]]);
    });

    it('wake nobody where none has held it', async () => {
      releasing.mockResolvedValue([]);
      await expect(deadLetters.release('k')).resolves.toBe(0);
      expect(onChanged).not.toHaveBeenCalled();
    });

    it.each(['', 7, undefined, 'a\0'])('refuse the key %p', async (key) => {
      await thrown(OutboxArgumentInvalidError, () => deadLetters.release(key as string));
      nothingWasRun();
    });
  });

  describe('inside a transaction', () => {
    beforeEach(() => {
      releasing.mockResolvedValue([{ lane: 3 }]);
    });

    it('wake the relay after the commit', async () => {
      await dataSource.transaction(async () => {
        await deadLetters.release('k');
        expect(onChanged).not.toHaveBeenCalled();
      });
      expect(onChanged.mock.calls).toEqual([[[3]]]);
    });

    it('do not wake it if the transaction, or their savepoint, is rolled back', async () => {
      const releaseAndFail = async (): Promise<void> => {
        await deadLetters.release('k');
        throw new Error('not so');
      };
      await dataSource.transaction(releaseAndFail).catch(() => undefined);
      await dataSource.transaction((manager) => manager.transaction(releaseAndFail).catch(() => undefined));
      expect(releasing).toHaveBeenCalledTimes(2);
      expect(onChanged).not.toHaveBeenCalled();
    });
  });
});
