import { setImmediate as nextTick } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { InboxMessageIdMissingError, InboxOptionsInvalidError } from '../../../../lib/errors/inbox.errors';
import { IdempotentConsumer } from '../../../../lib/inbox/idempotent-consumer.decorator';
import { Inbox } from '../../../../lib/inbox/inbox';
import { getInboxToken } from '../../../../lib/inbox/inbox-tokens';
import type { InboxBatchPayload, InboxPayloadMessage } from '../../../../lib/interfaces/inbox-message';
import { OutboxTestingModule, TestingInbox, TestingOutboxRepository } from '../../../../lib/testing';
import { TestingTransactions } from '../../../../lib/testing/testing-transactions';
import { OutboxRepository } from '../../../../lib/write/outbox.repository';
import { anEvent } from '../support/an-event';
import { aPayload } from '../support/an-inbox-message';
import { thrown } from '../support/thrown';

const SHIPPING = { consumer: 'shipping' };
const SKIPPED = { status: 'skipped' };

describe('the inbox of tests', () => {
  let transactions: TestingTransactions;
  let inbox: TestingInbox;
  beforeEach(() => {
    transactions = new TestingTransactions('default');
    inbox = new TestingInbox(transactions);
  });

  const shipped = (): string => 'shipped';
  const fail = (): never => {
    throw new Error('no stock');
  };

  it('handles a message once for each consumer, in a transaction', async () => {
    const handler = jest.fn(() => transactions.active);
    await expect(inbox.process(aPayload('e1'), handler, SHIPPING)).resolves.toEqual({
      status: 'processed',
      result: true,
    });
    await expect(inbox.process(aPayload('e1'), handler, SHIPPING)).resolves.toEqual(SKIPPED);
    await expect(inbox.process(aPayload('e2'), handler, SHIPPING)).resolves.toMatchObject({ status: 'processed' });
    await expect(inbox.process(aPayload('e1'), handler, { consumer: 'billing' })).resolves.toMatchObject({
      status: 'processed',
    });
    expect(handler).toHaveBeenCalledTimes(3);
  });

  it('handles a replay once, where that is asked for', async () => {
    const replay = aPayload('e1', { headers: { ce_id: 'e1', 'outbox-replay': 'r1' } });
    const options = { ...SHIPPING, onReplay: 'process' } as const;
    await inbox.process(aPayload('e1'), shipped, options);
    await expect(inbox.process(replay, shipped, options)).resolves.toMatchObject({ status: 'processed' });
    await expect(inbox.process(replay, shipped, options)).resolves.toEqual(SKIPPED);
  });

  it('leaves a message unhandled whose handler fails, with its error, and whatever it had added', async () => {
    const outbox = new TestingOutboxRepository(transactions);
    const addAndFail = async (): Promise<never> => {
      await outbox.addEvent(anEvent());
      return fail();
    };
    await expect(inbox.process(aPayload('e1'), addAndFail, SHIPPING)).rejects.toThrow('no stock');
    await expect(inbox.process(aPayload('e1'), fail, SHIPPING)).rejects.toThrow('no stock');
    expect(outbox.events).toEqual([]);
    await expect(inbox.process(aPayload('e1'), shipped, SHIPPING)).resolves.toMatchObject({ status: 'processed' });
  });

  it('forgets a message with the transaction around that is rolled back', async () => {
    const around = transactions.run(async () => {
      await inbox.process(aPayload('e1'), shipped, SHIPPING);
      await expect(inbox.process(aPayload('e1'), shipped, SHIPPING)).resolves.toEqual(SKIPPED);
      fail();
    });
    await expect(around).rejects.toThrow('no stock');
    await nextTick();
    await expect(inbox.process(aPayload('e1'), shipped, SHIPPING)).resolves.toMatchObject({ status: 'processed' });
  });

  it('can forget what was handled', async () => {
    await inbox.process(aPayload('e1'), shipped, SHIPPING);
    inbox.clear();
    await expect(inbox.process(aPayload('e1'), shipped, SHIPPING)).resolves.toMatchObject({ status: 'processed' });
  });

  it('refuses what the real one refuses', async () => {
    const withoutId = aPayload('', { headers: undefined });
    await thrown(InboxOptionsInvalidError, () => inbox.process(aPayload('e1'), shipped, { consumer: '' }));
    await thrown(InboxMessageIdMissingError, () => inbox.process(withoutId, shipped, SHIPPING));
  });

  it('handles a message without an id each time, where that is asked for', async () => {
    const withoutId = aPayload('', { headers: undefined });
    const handler = jest.fn();
    for (let times = 0; times < 2; times++) {
      await inbox.process(withoutId, handler, { ...SHIPPING, withoutId: 'process' });
    }
    expect(handler).toHaveBeenCalledTimes(2);
  });

  describe('with a batch', () => {
    const resolved: string[] = [];
    beforeEach(() => resolved.splice(0));

    const aBatch = (...ids: string[]): InboxBatchPayload => ({
      batch: {
        topic: 'orders',
        partition: 3,
        messages: ids.map((id, index) => aPayload(id, { offset: String(index) }).message),
      },
      resolveOffset: (offset) => void resolved.push(offset),
      heartbeat: () => Promise.resolve(),
      isRunning: () => true,
      isStale: () => false,
    });
    const handler = jest.fn((_messages: readonly InboxPayloadMessage[]): unknown => undefined);
    const handled = (): string[][] =>
      handler.mock.calls.map(([messages]) => messages.map(({ headers }) => String(headers?.['ce_id'] as Buffer)));
    beforeEach(() => handler.mockReset());

    it('handles what is new, of two deliveries of one message the first, and resolves all offsets', async () => {
      await inbox.process(aPayload('b'), shipped, SHIPPING);
      await expect(inbox.processBatch(aBatch('a', 'b', 'c', 'a'), handler, SHIPPING)).resolves.toEqual({
        ...{ processed: 2, skipped: 2, retried: 0, dead: 0 },
      });
      expect(handled()).toEqual([['a', 'c']]);
      expect(resolved).toEqual(['0', '1', '2', '3']);
      await expect(inbox.process(aPayload('c'), shipped, SHIPPING)).resolves.toEqual(SKIPPED);
    });

    it('does not call the handler for nothing', async () => {
      await inbox.processBatch(aBatch('a'), handler, SHIPPING);
      await inbox.processBatch(aBatch('a'), handler, SHIPPING);
      expect(handled()).toEqual([['a']]);
    });

    it('handles messages without an id each time, where that is asked for', async () => {
      const options = { ...SHIPPING, withoutId: 'process' } as const;
      await expect(inbox.processBatch(aBatch('', 'a', ''), handler, options)).resolves.toMatchObject({ processed: 3 });
      await expect(inbox.processBatch(aBatch('', 'a', ''), handler, options)).resolves.toMatchObject({ processed: 2 });
    });

    it('leaves all of it unhandled where the handler fails, and resolves nothing', async () => {
      handler.mockImplementationOnce(fail);
      await expect(inbox.processBatch(aBatch('a', 'b'), handler, SHIPPING)).rejects.toThrow('no stock');
      expect(resolved).toEqual([]);
      await expect(inbox.processBatch(aBatch('a', 'b'), handler, SHIPPING)).resolves.toMatchObject({ processed: 2 });
    });
  });
});

describe('OutboxTestingModule', () => {
  @Injectable()
  class Shipping {
    constructor(private readonly outbox: OutboxRepository) {}

    @IdempotentConsumer(SHIPPING)
    async ship(aggregateId: string, _payload: unknown): Promise<string> {
      await this.outbox.addEvent(anEvent({ aggregateId }));
      if (aggregateId === 'fail') {
        throw new Error('no stock');
      }
      return 'shipped';
    }
  }

  let module: TestingModule | undefined;
  afterEach(() => module?.close());

  async function start(): Promise<{ shipping: Shipping; inbox: TestingInbox; added: () => string[] }> {
    module = await Test.createTestingModule({
      imports: [OutboxTestingModule.forRoot()],
      providers: [Shipping],
    }).compile();
    const outbox = module.get<TestingOutboxRepository>(OutboxRepository);
    return {
      shipping: module.get(Shipping),
      inbox: module.get<TestingInbox>(Inbox),
      added: () => outbox.events.map(({ aggregateId }) => aggregateId),
    };
  }

  /** As the documentation has it. */
  const payload = { topic: 'orders', partition: 0, message: { offset: '0', headers: { ce_id: 'e1' } } };

  it('lets a method with @IdempotentConsumer handle a message once', async () => {
    const { shipping, inbox, added } = await start();
    await expect(shipping.ship('4711', payload)).resolves.toBe('shipped');
    await expect(shipping.ship('4711', payload)).resolves.toBeUndefined();
    expect(added()).toEqual(['4711']);
    inbox.clear();
    await expect(shipping.ship('4711', payload)).resolves.toBe('shipped');
  });

  it('takes back what a method with @IdempotentConsumer has added before it fails', async () => {
    const { shipping, added } = await start();
    await expect(shipping.ship('fail', payload)).rejects.toThrow('no stock');
    expect(added()).toEqual([]);
    await expect(shipping.ship('4711', payload)).resolves.toBe('shipped');
  });

  it('gives the inbox of a named data source under its own token', async () => {
    module = await Test.createTestingModule({
      imports: [OutboxTestingModule.forRoot({ dataSource: 'billing' })],
    }).compile();
    expect(module.get(getInboxToken('billing'))).toBeInstanceOf(TestingInbox);
    expect(() => module?.get<unknown>(Inbox)).toThrow();
  });
});
