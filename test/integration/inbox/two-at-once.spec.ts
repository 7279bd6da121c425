import { InboxMessageBusyError, type InboxOutcome } from 'nestjs-outboxed';
import { aRecord } from '../support/inbox-messages';
import { InboxSuite, once } from '../support/inbox-suite';
import { gate } from '../support/transaction-suite';

describe('Two deliveries of a message at the same time', () => {
  const suite = InboxSuite.declare();
  const failure = new Error('no stock');
  const record = aRecord({ id: 'a' });

  /** A delivery whose handler has written, and then waits until it is told how to end. */
  async function underWay(
    options: Parameters<typeof suite.deliver>[2] = {},
  ): Promise<{ outcome: Promise<InboxOutcome<void>>; succeed: () => void; fail: () => void }> {
    const begun = gate();
    const ending = gate();
    let error: Error | undefined;
    const handler = async (): Promise<void> => {
      await suite.ship('a');
      begun.open();
      await ending.opened;
      if (error !== undefined) {
        throw error;
      }
    };
    const outcome = suite.deliver(record, handler, options);
    outcome.catch(() => undefined);
    await begun.opened;
    return {
      outcome,
      succeed: ending.open,
      fail: () => {
        error = failure;
        ending.open();
      },
    };
  }

  it('run the handler once: the second waits for the first, and then skips', async () => {
    const first = await underWay();
    const handler = jest.fn();
    const second = suite.deliver(record, handler);
    await suite.waiting();
    first.succeed();
    expect(await Promise.all([first.outcome, second])).toEqual([{ status: 'processed' }, { status: 'skipped' }]);
    expect(handler).not.toHaveBeenCalled();
    expect(await suite.left()).toEqual(once('a'));
  });

  it('run the handler again if it has failed: the second handles the message', async () => {
    const first = await underWay();
    const second = suite.deliver(record);
    await suite.waiting();
    first.fail();
    await expect(second).resolves.toEqual({ status: 'processed' });
    // The attempt is counted before the second has claimed the message, or it is noticed then that it was handled.
    const [ended] = await Promise.allSettled([first.outcome]);
    expect([
      { status: 'rejected', reason: failure },
      { status: 'fulfilled', value: { status: 'skipped' } },
    ]).toContainEqual(ended);
    expect(await suite.left()).toEqual(once('a'));
  });

  it('run the handler once, however many they are, and however few connections there are', async () => {
    const first = await underWay();
    const others = Array.from({ length: 30 }, () => suite.deliver(record));
    await suite.waiting(9);
    first.succeed();
    expect(await first.outcome).toEqual({ status: 'processed' });
    expect(await Promise.all(others)).toEqual(Array(30).fill({ status: 'skipped' }));
    expect(await suite.left()).toEqual(once('a'));
  });

  it('hold up no other message, and no other consumer', async () => {
    const first = await underWay();
    await expect(suite.deliver(aRecord({ id: 'b' }))).resolves.toEqual({ status: 'processed' });
    await expect(suite.deliver(record, () => undefined, { consumer: 'billing' })).resolves.toEqual({
      status: 'processed',
    });
    first.succeed();
    await first.outcome;
    expect((await suite.left()).effects).toEqual(['a', 'b']);
  });

  it('with whileBusy "refuse" do not wait: the second is refused, which counts as no attempt, and is skipped or handled later', async () => {
    const whileBusy = 'refuse';
    const first = await underWay({ whileBusy });
    const handler = jest.fn();
    const refused = suite.deliver(record, handler, { whileBusy, maxAttempts: 1 });
    await expect(refused).rejects.toBeInstanceOf(InboxMessageBusyError);
    await expect(refused).rejects.toMatchObject({ code: 'OUTBOX_INBOX_MESSAGE_BUSY' });
    await expect(suite.deliver(aRecord({ id: 'b' }), () => suite.ship('b'), { whileBusy })).resolves.toEqual({
      status: 'processed',
    });
    first.fail();
    await expect(first.outcome).rejects.toBe(failure);
    expect(handler).not.toHaveBeenCalled();
    expect(await suite.records()).toMatchObject([
      { id: 'a', handled: false, attempts: 1, reason: 'Error: no stock' },
      { id: 'b', handled: true },
    ]);
    await expect(suite.deliver(record, () => suite.ship('a'), { whileBusy })).resolves.toEqual({ status: 'processed' });
    await expect(suite.deliver(record, handler, { whileBusy })).resolves.toEqual({ status: 'skipped' });
    expect(await suite.left()).toEqual(once('a', 'b'));
  });
});
