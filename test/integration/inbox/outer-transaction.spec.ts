import { InboxMessageIdMissingError } from 'nestjs-outboxed';
import { eventually } from '../support/eventually';
import { aRecord } from '../support/inbox-messages';
import { InboxSuite, nothing, once, type InboxRecord } from '../support/inbox-suite';
import { allConnectionsAreBack } from '../support/pool';

// With one connection it would wait for ever if it took a second one for counting, before the transaction has ended.
describe.each([10, 1])('A message that is handled inside a transaction, with a pool of %i', (poolSize) => {
  const suite = InboxSuite.declare({ typeorm: { poolSize } });
  const failure = new Error('no stock');
  const record = aRecord({ id: 'a' });
  const unnamed = aRecord({ timestamp: '1700000000000' });

  const inTransaction = <T>(work: () => Promise<T>): Promise<T> => suite.app.transactions.run(work);
  const counted = (expected: Partial<InboxRecord>[]): Promise<unknown> =>
    eventually('the attempt to be counted', async () => {
      expect(await suite.records()).toMatchObject(expected);
      return true;
    });

  afterEach(() => allConnectionsAreBack(suite.app.dataSource));

  it('commits with it', async () => {
    await inTransaction(async () => {
      await expect(suite.deliver(record)).resolves.toEqual({ status: 'processed' });
      await suite.ship('outer');
      expect(await suite.left()).toEqual(nothing);
    });
    expect(await suite.left()).toEqual({ ...once('a', 'outer'), handled: ['a'] });
  });

  it('is rolled back with it, and handled when it is delivered again', async () => {
    const outer = inTransaction(async () => {
      await suite.deliver(record);
      throw failure;
    });
    await expect(outer).rejects.toBe(failure);
    expect(await suite.left()).toEqual(nothing);
    expect(await suite.records()).toEqual([]);
    await expect(suite.deliver(record)).resolves.toEqual({ status: 'processed' });
    expect(await suite.left()).toEqual(once('a'));
  });

  it('is skipped if it was handled before, also earlier in the same transaction', async () => {
    await suite.deliver(record);
    await inTransaction(async () => {
      await expect(suite.deliver(record)).resolves.toEqual({ status: 'skipped' });
      await expect(suite.deliver(aRecord({ id: 'b' }))).resolves.toEqual({ status: 'processed' });
      await expect(suite.deliver(aRecord({ id: 'b' }))).resolves.toEqual({ status: 'skipped' });
    });
    expect(await suite.left()).toEqual(once('a', 'b'));
  });

  it('does not count as handled if it fails and the transaction goes on in spite of that; the attempt is counted after the end', async () => {
    await inTransaction(async () => {
      await expect(suite.deliver(record, suite.shipThenFail('a', failure))).rejects.toBe(failure);
      await suite.ship('outer');
      expect(await suite.records()).toEqual([]);
    });
    await counted([{ id: 'a', handled: false, attempts: 1, reason: 'Error: no stock' }]);
    expect(await suite.left()).toEqual({ handled: [], effects: ['outer'], events: ['outer'] });
    await expect(suite.deliver(record)).resolves.toEqual({ status: 'processed' });
    expect((await suite.left()).effects).toEqual(['a', 'outer']);
  });

  it('that fails is counted also if the transaction is rolled back', async () => {
    const outer = inTransaction(() => suite.deliver(record, suite.shipThenFail('a', failure)));
    await expect(outer).rejects.toBe(failure);
    await counted([{ id: 'a', handled: false, attempts: 1 }]);
    expect(await suite.left()).toEqual(nothing);
  });

  it('is given up after the end, which shows at the next delivery', async () => {
    await inTransaction(async () => {
      await expect(suite.deliver(record, suite.shipThenFail('a', failure), { maxAttempts: 1 })).rejects.toBe(failure);
    });
    await counted([{ id: 'a', handled: true, attempts: 1 }]);
    expect(await suite.database.query('select message_id as id from event_inbox_dead_letter')).toEqual([{ id: 'a' }]);
    await expect(suite.deliver(record)).resolves.toEqual({ status: 'skipped' });
  });

  it('goes to the retry topic after the end, whatever became of the transaction', async () => {
    const options = { maxAttempts: 1, retryTopic: 'orders.retry' };
    const outer = inTransaction(() => suite.deliver(record, suite.shipThenFail('a', failure), options));
    await expect(outer).rejects.toBe(failure);
    await counted([{ id: 'a', handled: true, attempts: 1 }]);
    expect(await suite.database.query('select topic from event_outbox')).toEqual([{ topic: 'orders.retry' }]);
  });

  it('and has no id is counted after the end, too', async () => {
    await inTransaction(async () => {
      await expect(suite.deliver(unnamed)).rejects.toBeInstanceOf(InboxMessageIdMissingError);
      await suite.ship('outer');
      expect(await suite.records()).toEqual([]);
    });
    await counted([{ id: 'orders[0]@0/1700000000000', handled: false, attempts: 1 }]);
    expect((await suite.left()).effects).toEqual(['outer']);
  });

  it('and has no id is skipped as any other one when it was given up', async () => {
    const deliver = (): Promise<unknown> =>
      suite.app.transactions.run(() => suite.deliver(unnamed, () => undefined, { maxAttempts: 1 }));
    await expect(deliver()).rejects.toBeInstanceOf(InboxMessageIdMissingError);
    await counted([{ id: 'orders[0]@0/1700000000000', handled: true, attempts: 1 }]);
    await expect(deliver()).resolves.toEqual({ status: 'skipped' });
  });
});
