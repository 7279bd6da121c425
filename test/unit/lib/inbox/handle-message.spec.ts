import { QueryFailedError } from 'typeorm';
import { OutboxDeadlockError } from '../../../../lib/errors/transaction.errors';
import { setImmediate as nextTick } from 'node:timers/promises';
import { InboxMessageBusyError, InboxMessageIdMissingError } from '../../../../lib/errors/inbox.errors';
import type { FailedMessages, FailureOutcome } from '../../../../lib/inbox/failed-messages';
import { MessageHandling } from '../../../../lib/inbox/handle-message';
import { resolveConsumer, type ResolvedConsumer } from '../../../../lib/inbox/resolve-consumer';
import type { InboxConsumerOptions, InboxOutcome } from '../../../../lib/interfaces/inbox-message';
import { anInboxMessage } from '../support/an-inbox-message';
import { InMemoryInbox } from '../support/in-memory-inbox';
import { thrown } from '../support/thrown';

const consumer = (options: Partial<InboxConsumerOptions> = {}): ResolvedConsumer =>
  resolveConsumer({ consumer: 'shipping', ...options }, 'the test');
const WITHOUT_ID = anInboxMessage({ headers: {} });
const PLACE = { messageId: 'orders[3]@7/1767323045678', replayId: '' };

describe('a message', () => {
  let inbox: InMemoryInbox;
  let note: jest.Mock<Promise<FailureOutcome>, Parameters<FailedMessages['note']>>;
  let log: string[];
  let handling: MessageHandling;
  const failure = new Error('no stock');

  beforeEach(() => {
    inbox = new InMemoryInbox();
    note = jest.fn<Promise<FailureOutcome>, Parameters<FailedMessages['note']>>().mockResolvedValue('again');
    log = [];
    handling = new MessageHandling({
      transactions: inbox.transactions,
      claim: inbox.claim,
      failures: { note },
      processed: (name, messages) => void log.push(`processed ${name} ${messages.map(({ offset }) => offset).join()}`),
      skipped: (name, count) => void log.push(`skipped ${name} ${count}`),
      warn: (text) => void log.push(text),
    });
  });

  const run = <T>(
    handler: () => T | Promise<T>,
    options: Partial<InboxConsumerOptions> = {},
    message = anInboxMessage(),
  ): Promise<InboxOutcome<T>> => handling.run(message, handler, consumer(options));
  const fail = (): never => {
    throw failure;
  };

  it('is claimed and handled in one transaction, and told after the commit', async () => {
    const handler = async (): Promise<string> => {
      expect([inbox.transactions.active, inbox.handled.has('shipping e1')]).toEqual([true, true]);
      await nextTick();
      expect(log).toEqual([]);
      return 'shipped';
    };
    await expect(run(handler)).resolves.toEqual({ status: 'processed', result: 'shipped' });
    expect(inbox.claim.mock.calls).toEqual([
      [inbox.transactions.runner, 'shipping', { messageId: 'e1', replayId: '' }, true],
    ]);
    expect(log).toEqual(['processed shipping 7']);
    expect(note).not.toHaveBeenCalled();
  });

  it('is skipped where it is known, and its handler does not run', async () => {
    await run(() => 'shipped');
    const again = jest.fn();
    await expect(run(again)).resolves.toEqual({ status: 'skipped' });
    expect(again).not.toHaveBeenCalled();
    expect(log).toEqual(['processed shipping 7', 'skipped shipping 1']);
  });

  it('is another one to each consumer', async () => {
    await run(() => 'shipped');
    await expect(run(() => 'billed', { consumer: 'billing' })).resolves.toMatchObject({ status: 'processed' });
    expect([...inbox.handled]).toEqual(['shipping e1', 'billing e1']);
  });

  it('is handled once for each replay, where that is asked for', async () => {
    const replay = anInboxMessage({ headers: { ce_id: 'e1', 'outbox-replay': 'r1' } });
    const statuses = [];
    for (const message of [anInboxMessage(), replay, replay]) {
      statuses.push((await run(() => 'shipped', { onReplay: 'process' }, message)).status);
    }
    expect(statuses).toEqual(['processed', 'processed', 'skipped']);
    await expect(run(() => 'shipped', {}, replay)).resolves.toEqual({ status: 'skipped' });
  });

  it('without an id is handled each time, where that is asked for', async () => {
    const options = { withoutId: 'process' } as const;
    await run(() => 'shipped', options, WITHOUT_ID);
    await expect(run(() => 'again', options, WITHOUT_ID)).resolves.toMatchObject({ result: 'again' });
    expect(inbox.claim).not.toHaveBeenCalled();
    expect(log).toEqual(['processed shipping 7', 'processed shipping 7']);
  });

  describe('that another delivery is just being handled of', () => {
    it('is waited for, or not, as the consumer says', async () => {
      await run(() => 'shipped', { whileBusy: 'wait' });
      await run(() => 'shipped', { whileBusy: 'refuse' });
      expect(inbox.claim.mock.calls.map(([, , , waits]) => waits)).toEqual([true, false]);
    });

    it('is refused with its place, and not counted', async () => {
      inbox.claim.mockResolvedValue('busy');
      const error = await thrown(InboxMessageBusyError, () => run(fail, { whileBusy: 'refuse' }));
      expect(error.message).toContain('orders[3] offset 7');
      expect([note.mock.calls, log]).toEqual([[], []]);
    });
  });

  describe('whose handler fails', () => {
    it.each([
      ['a deadlock', new QueryFailedError('insert', [], Object.assign(new Error('deadlock'), { code: '40P01' }))],
      ['a conflict of transactions', new QueryFailedError('update', [], Object.assign(new Error(), { code: '40001' }))],
      ['a deadlock at adding events', new OutboxDeadlockError('waited', undefined)],
      ['an error that was caused by one', new Error('no', { cause: new OutboxDeadlockError('waited', undefined) })],
    ])('is delivered again without being counted where that was bad luck: %s', async (_what, unlucky) => {
      await expect(run(() => Promise.reject(unlucky))).rejects.toBe(unlucky);
      expect(note).not.toHaveBeenCalled();
    });

    it('leaves nothing, is counted after the rollback, and rejects with the error', async () => {
      note.mockImplementation(() => {
        expect([inbox.transactions.active, inbox.handled.size]).toEqual([false, 0]);
        return Promise.resolve('again');
      });
      await expect(run(fail)).rejects.toBe(failure);
      await expect(run(() => Promise.reject(failure))).rejects.toBe(failure);
      const key = { messageId: 'e1', replayId: '' };
      expect(note.mock.calls).toEqual([
        [anInboxMessage(), key, failure, expect.objectContaining({ consumer: 'shipping' })],
        [anInboxMessage(), key, failure, expect.objectContaining({ consumer: 'shipping' })],
      ]);
      expect(log).toEqual([]);
    });

    it('is handled when it comes again', async () => {
      await expect(run(fail)).rejects.toBe(failure);
      await expect(run(() => 'shipped')).resolves.toEqual({ status: 'processed', result: 'shipped' });
    });

    it('is counted also where the commit fails', async () => {
      const run2 = jest.spyOn(inbox.transactions, 'run').mockImplementationOnce(async (work) => {
        await inbox.transactions.run(work);
        throw failure;
      });
      await expect(run(() => 'shipped')).rejects.toBe(failure);
      run2.mockRestore();
      expect(note).toHaveBeenCalledTimes(1);
    });

    it.each(['dead', 'retried'] as const)('is %s, and does not come again, where it is given up', async (outcome) => {
      note.mockResolvedValue(outcome);
      await expect(run(fail)).resolves.toEqual({ status: outcome, error: failure });
    });

    it('is skipped where somebody else has handled it meanwhile', async () => {
      note.mockResolvedValue('handled');
      await expect(run(fail)).resolves.toEqual({ status: 'skipped' });
      expect(log).toEqual(['skipped shipping 1']);
    });

    it('is not counted where the consumer says that it is not its fault', async () => {
      const countsAsAttempt = jest.fn(() => false);
      await expect(run(fail, { countsAsAttempt })).rejects.toBe(failure);
      expect(countsAsAttempt.mock.calls).toEqual([[failure]]);
      expect(note).not.toHaveBeenCalled();
    });

    it('rejects with the error where it cannot be counted, with a warning', async () => {
      note.mockRejectedValue(new Error('no database'));
      await expect(run(fail)).rejects.toBe(failure);
      expect(log).toEqual(['A failed attempt at the message at orders[3] offset 7 could not be counted: no database.']);
    });

    it('is counted by its place where it has no id', async () => {
      await expect(run(fail, { withoutId: 'process' }, WITHOUT_ID)).rejects.toBe(failure);
      expect(note.mock.calls.map(([, key]) => key)).toEqual([PLACE]);
    });
  });

  it('is not counted where it fails before the handler has begun', async () => {
    const outage = new Error('no database');
    inbox.claim.mockRejectedValue(outage);
    const handler = jest.fn();
    await expect(run(handler)).rejects.toBe(outage);
    inbox.transactions.run = () => Promise.reject(outage);
    await expect(run(handler)).rejects.toBe(outage);
    expect([handler.mock.calls, note.mock.calls]).toEqual([[], []]);
  });

  describe('without an id, where it needs one', () => {
    it('is counted by its place, also where the consumer counts no errors, and not handled', async () => {
      const handler = jest.fn();
      await thrown(InboxMessageIdMissingError, () => run(handler, { countsAsAttempt: () => false }, WITHOUT_ID));
      expect(note.mock.calls.map(([, key]) => key)).toEqual([PLACE]);
      expect(handler).not.toHaveBeenCalled();
    });

    it('is given up with the last attempt', async () => {
      note.mockResolvedValue('dead');
      await expect(run(() => 'shipped', {}, WITHOUT_ID)).resolves.toEqual({
        status: 'dead',
        error: expect.any(InboxMessageIdMissingError) as unknown,
      });
    });
  });

  describe('inside a transaction', () => {
    /** Goes on in spite of the failure, and then ends as the test says. */
    const around = async (work: () => Promise<unknown>, then: () => unknown = () => undefined): Promise<void> => {
      await inbox.transactions.run(async () => {
        await expect(work()).rejects.toThrow();
        await nextTick();
        expect(note).not.toHaveBeenCalled();
        then();
      });
    };

    it('is handled in a savepoint of it, and told when that has committed', async () => {
      await inbox.transactions.run(async () => {
        await run(() => 'shipped');
        await nextTick();
        expect(log).toEqual([]);
      });
      await nextTick();
      expect(log).toEqual(['processed shipping 7']);
    });

    it('leaves no record where its handler fails and the transaction goes on', async () => {
      await around(() => run(fail));
      expect([...inbox.handled]).toEqual([]);
    });

    it.each<[string, () => Promise<unknown>, unknown]>([
      ['whose handler fails', () => run(fail), { messageId: 'e1', replayId: '' }],
      ['without an id', () => run(() => 'shipped', {}, WITHOUT_ID), PLACE],
    ])('is counted when that has ended, however it ends: one %s', async (_which, work, key) => {
      await around(work);
      await nextTick();
      expect(note.mock.calls.map(([, counted]) => counted)).toEqual([key]);
      note.mockClear();
      await expect(around(work, fail)).rejects.toBe(failure);
      await nextTick();
      expect(note.mock.calls.map(([, counted]) => counted)).toEqual([key]);
    });

    it('rejects with the error, whatever the counting will come to', async () => {
      note.mockResolvedValue('dead');
      await around(() => run(fail));
      await nextTick();
      expect(note).toHaveBeenCalledTimes(1);
    });
  });
});
