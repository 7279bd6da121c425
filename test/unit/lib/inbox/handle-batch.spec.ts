import fc from 'fast-check';
import { BatchHandling } from '../../../../lib/inbox/handle-batch';
import type { MessageHandling } from '../../../../lib/inbox/handle-message';
import { resolveConsumer } from '../../../../lib/inbox/resolve-consumer';
import type {
  InboxBatchOutcome,
  InboxBatchPayload,
  InboxConsumerOptions,
  InboxOutcome,
  InboxPayloadMessage,
} from '../../../../lib/interfaces/inbox-message';
import { InboxBatchStoppedError } from '../../../../lib/errors/inbox.errors';
import { InMemoryInbox } from '../support/in-memory-inbox';
import { thrown } from '../support/thrown';

/** A message whose offset is its place in the list; without an id if that is empty. */
const aMessage = (id: string, index: number): InboxPayloadMessage => ({
  value: Buffer.from(`{"id":"${id}"}`),
  headers: id === '' ? {} : { ce_id: Buffer.from(id) },
  offset: String(index),
});

describe('a batch', () => {
  let inbox: InMemoryInbox;
  let log: string[];
  let runOne: jest.Mock<Promise<InboxOutcome<unknown>>, Parameters<MessageHandling['run']>>;
  let payload: InboxBatchPayload;
  const failure = new Error('no stock');

  beforeEach(() => {
    inbox = new InMemoryInbox();
    log = [];
    runOne = jest.fn<Promise<InboxOutcome<unknown>>, Parameters<MessageHandling['run']>>();
    runOne.mockImplementation(async (_message, one) => ({ status: 'processed', result: await one() }));
  });

  const aPayload = (...ids: string[]): InboxBatchPayload => ({
    batch: { topic: 'orders', partition: 3, messages: ids.map(aMessage) },
    resolveOffset: (offset) => void log.push(`resolved ${offset}`),
    heartbeat: () => {
      log.push('heartbeat');
      return Promise.resolve();
    },
    isRunning: () => true,
    isStale: () => false,
  });
  const idsOf = (messages: readonly InboxPayloadMessage[]): string[] =>
    messages.map(({ headers }) => String(headers?.['ce_id'] as Buffer | undefined));
  const handler = jest.fn((messages: readonly InboxPayloadMessage[]): unknown => {
    log.push(`handled ${idsOf(messages).join()}`);
    return undefined;
  });
  const run = (options: Partial<InboxConsumerOptions> = {}): Promise<InboxBatchOutcome> => {
    const batch = new BatchHandling({
      transactions: inbox.transactions,
      claimAll: inbox.claimAll,
      one: { run: runOne as unknown as MessageHandling['run'] },
      processed: (name, messages) => void log.push(`processed ${name} ${messages.map(({ offset }) => offset).join()}`),
      skipped: (name, count) => {
        if (count > 0) {
          log.push(`skipped ${name} ${count}`);
        }
      },
      warn: (text) => void log.push(text),
    });
    return batch.run(payload, handler, resolveConsumer({ consumer: 'shipping', ...options }, 'the test'));
  };
  const NONE: InboxBatchOutcome = { processed: 0, skipped: 0, retried: 0, dead: 0 };
  beforeEach(() => handler.mockClear());

  it('is claimed by one statement and handled in its transaction, in the order of the offsets', async () => {
    payload = aPayload('c', 'a', 'b');
    await expect(run()).resolves.toEqual({ ...NONE, processed: 3 });
    expect(inbox.claimAll.mock.calls).toEqual([
      [inbox.transactions.runner, 'shipping', ['c', 'a', 'b'].map((messageId) => ({ messageId, replayId: '' }))],
    ]);
    expect(handler.mock.calls).toEqual([[payload.batch.messages]]);
    expect(log).toEqual(['handled c,a,b', 'processed shipping 0,1,2', 'resolved 2', 'heartbeat']);
    expect(runOne).not.toHaveBeenCalled();
  });

  it('is handled without what is known', async () => {
    payload = aPayload('a', 'b');
    await run();
    payload = aPayload('b', 'c', 'a', 'd');
    log = [];
    await expect(run()).resolves.toEqual({ ...NONE, processed: 2, skipped: 2 });
    expect(log).toEqual(['handled c,d', 'processed shipping 1,3', 'skipped shipping 2', 'resolved 3', 'heartbeat']);
  });

  it('is not handled, and not told as handled, where all of it is known', async () => {
    payload = aPayload('a', 'b');
    await run();
    log = [];
    await expect(run()).resolves.toEqual({ ...NONE, skipped: 2 });
    expect(log).toEqual(['skipped shipping 2', 'resolved 1', 'heartbeat']);
  });

  it('has the first of two deliveries of one message handled', async () => {
    payload = aPayload('a', 'b', 'a');
    await expect(run()).resolves.toEqual({ ...NONE, processed: 2, skipped: 1 });
    expect(log.slice(0, 2)).toEqual(['handled a,b', 'processed shipping 0,1']);
    expect(inbox.claimAll.mock.calls[0]?.[2]).toHaveLength(2);
  });

  it('is handled together, without what another consumer has given up, though that has no id', async () => {
    const { batch, ...rest } = aPayload('a', '', 'b');
    const messages = batch.messages.map((message, index) =>
      index === 1 ? { ...message, headers: { 'inbox-consumer': Buffer.from('billing') } } : message,
    );
    payload = { ...rest, batch: { ...batch, topic: 'orders.retry', messages } };
    await expect(run({ retryTopic: 'orders.retry' })).resolves.toEqual({ ...NONE, processed: 2, skipped: 1 });
    expect(log.slice(0, 2)).toEqual(['handled a,b', 'processed shipping 0,2']);
    expect(runOne).not.toHaveBeenCalled();
  });

  it('has messages without an id handled each time, where that is asked for', async () => {
    payload = aPayload('', 'a', '');
    await expect(run({ withoutId: 'process' })).resolves.toEqual({ ...NONE, processed: 3 });
    payload = aPayload('', '');
    inbox.claimAll.mockClear();
    await expect(run({ withoutId: 'process' })).resolves.toEqual({ ...NONE, processed: 2 });
    expect(inbox.claimAll).not.toHaveBeenCalled();
  });

  it('is handled in several transactions where it is large, with a heartbeat after each', async () => {
    payload = aPayload(...Array.from({ length: 1001 }, (_, index) => `e${index}`));
    await expect(run()).resolves.toEqual({ ...NONE, processed: 1001 });
    expect(handler.mock.calls.map(([messages]) => messages.length)).toEqual([500, 500, 1]);
    expect(log.filter((line) => /^(resolved|heartbeat)/.test(line))).toEqual([
      ...['resolved 499', 'heartbeat', 'resolved 999', 'heartbeat', 'resolved 1000', 'heartbeat'],
    ]);
  });

  it('is left where the partition was taken away', async () => {
    payload = { ...aPayload('a', 'b'), isStale: () => true };
    await expect(run()).resolves.toEqual(NONE);
    expect([log, inbox.claimAll.mock.calls]).toEqual([[], []]);
  });

  it('is refused where the consumer is to stop, so that kafkajs does not take it for handled', async () => {
    payload = { ...aPayload('a', 'b'), isRunning: () => false };
    await thrown(InboxBatchStoppedError, () => run());
    expect([log, inbox.claimAll.mock.calls]).toEqual([[], []]);
  });

  describe('whose handler fails', () => {
    beforeEach(() => {
      payload = aPayload('a', 'b', 'c');
      handler.mockReturnValueOnce(Promise.reject(failure));
    });

    it('leaves nothing of the first try, and is handled one by one', async () => {
      runOne.mockImplementationOnce(async (_message, one) => {
        expect([...inbox.handled]).toEqual([]);
        return { status: 'processed', result: await one() };
      });
      await expect(run()).resolves.toEqual({ ...NONE, processed: 3 });
      expect(log).toEqual([
        ...['handled a', 'resolved 0', 'heartbeat'],
        ...['handled b', 'resolved 1', 'heartbeat'],
        ...['handled c', 'resolved 2', 'heartbeat'],
        'A batch of 3 messages failed together, and did not one by one, which is slower: no stock.',
      ]);
      expect(runOne.mock.calls.map(([message, , { consumer }]) => [message.headers['ce_id'], consumer])).toEqual([
        ['a', 'shipping'],
        ['b', 'shipping'],
        ['c', 'shipping'],
      ]);
    });

    it('counts what became of each', async () => {
      runOne
        .mockResolvedValueOnce({ status: 'skipped' })
        .mockResolvedValueOnce({ status: 'dead', error: failure })
        .mockResolvedValueOnce({ status: 'retried', error: failure });
      await expect(run()).resolves.toEqual({ processed: 0, skipped: 1, retried: 1, dead: 1 });
      expect(log.filter((line) => line.startsWith('resolved'))).toEqual(['resolved 0', 'resolved 1', 'resolved 2']);
    });

    it('ends with the one that is to be delivered again, with those before it resolved', async () => {
      runOne.mockResolvedValueOnce({ status: 'processed', result: undefined }).mockRejectedValueOnce(failure);
      await expect(run()).rejects.toBe(failure);
      expect(runOne).toHaveBeenCalledTimes(2);
      expect(log).toEqual(['resolved 0', 'heartbeat']);
    });

    it('ends where the partition is taken away meanwhile', async () => {
      let handled = 0;
      payload = { ...payload, isStale: () => handled === 1 };
      runOne.mockImplementation(() => {
        handled++;
        return Promise.resolve({ status: 'skipped' });
      });
      await expect(run()).resolves.toEqual({ ...NONE, skipped: 1 });
      expect(log).toEqual(['resolved 0', 'heartbeat']);
    });
  });

  it('is handled one by one where a message has no id and needs one, which tells what is wrong with it', async () => {
    payload = aPayload('a', '', 'b');
    runOne.mockResolvedValueOnce({ status: 'processed', result: undefined }).mockRejectedValueOnce(failure);
    await expect(run()).rejects.toBe(failure);
    expect([inbox.claimAll.mock.calls, handler.mock.calls]).toEqual([[], []]);
    expect(log).toEqual(['resolved 0', 'heartbeat']);
  });

  it('rejects, and is not tried one by one, where it fails before the handler has begun', async () => {
    payload = aPayload('a');
    const outage = new Error('no database');
    inbox.claimAll.mockRejectedValueOnce(outage);
    await expect(run()).rejects.toBe(outage);
    expect([log, runOne.mock.calls]).toEqual([[], []]);
  });

  it('is, however its deliveries overlap, handled once for each message, in the order of the offsets', async () => {
    const ids = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(ids, { maxLength: 4 }), async (deliveries) => {
        inbox = new InMemoryInbox();
        handler.mockClear();
        for (const delivery of deliveries) {
          payload = aPayload(...delivery);
          const { processed, skipped } = await run();
          expect(processed + skipped).toBe(delivery.length);
        }
        expect(handler.mock.calls.flatMap(([messages]) => idsOf(messages))).toEqual([...new Set(deliveries.flat())]);
      }),
    );
  });
});
