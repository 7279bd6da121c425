import { InboxOptionsInvalidError } from '../../../../lib/errors/inbox.errors';
import type { BatchHandling } from '../../../../lib/inbox/handle-batch';
import type { MessageHandling } from '../../../../lib/inbox/handle-message';
import { TypeOrmInbox, type TraceOfMessage } from '../../../../lib/inbox/typeorm-inbox';
import type { InboxBatchPayload, InboxConsumerOptions } from '../../../../lib/interfaces/inbox-message';
import { anInboxMessage, aPayload } from '../support/an-inbox-message';

describe('the inbox of a data source', () => {
  const one = jest.fn((_message: unknown, handler: () => unknown) => ({ status: 'processed', result: handler() }));
  const batch = jest.fn();
  const traced = jest.fn((_message: unknown, _consumer: string, work: () => unknown) => work());
  const inbox = new TypeOrmInbox(
    { run: one } as unknown as MessageHandling,
    { run: batch } as unknown as BatchHandling,
    traced as unknown as TraceOfMessage,
  );
  beforeEach(() => jest.clearAllMocks());

  const resolved = expect.objectContaining({ consumer: 'shipping', maxAttempts: 10 }) as unknown;
  const batchPayload = {} as unknown as InboxBatchPayload;

  it('handles a message as a part of its trace', async () => {
    const handler = (): string => 'shipped';
    await expect(inbox.process(aPayload('e1'), handler, { consumer: 'shipping' })).resolves.toEqual({
      status: 'processed',
      result: 'shipped',
    });
    expect(traced.mock.calls).toEqual([[anInboxMessage(), 'shipping', expect.any(Function)]]);
    expect(one.mock.calls).toEqual([[anInboxMessage(), handler, resolved]]);
  });

  it('handles a batch, which has many traces, as a part of none', async () => {
    const handler = jest.fn();
    batch.mockResolvedValue('the counts');
    await expect(inbox.processBatch(batchPayload, handler, { consumer: 'shipping' })).resolves.toBe('the counts');
    expect(batch.mock.calls).toEqual([[batchPayload, handler, resolved]]);
    expect(traced).not.toHaveBeenCalled();
  });

  it('rejects, and does not throw, where the options are wrong', async () => {
    const wrong = {} as InboxConsumerOptions;
    const [message, messages] = [
      inbox.process(aPayload('e1'), jest.fn(), wrong),
      inbox.processBatch(batchPayload, jest.fn(), wrong),
    ];
    await expect(message).rejects.toThrow(InboxOptionsInvalidError);
    await expect(message).rejects.toThrow('The options of Inbox.process are not valid');
    await expect(messages).rejects.toThrow('The options of Inbox.processBatch are not valid');
    expect([one.mock.calls, batch.mock.calls]).toEqual([[], []]);
  });
});
