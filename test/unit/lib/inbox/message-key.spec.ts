import fc from 'fast-check';
import { InboxMessageIdMissingError } from '../../../../lib/errors/inbox.errors';
import { isForAnother, keyOf, keyOfPlace } from '../../../../lib/inbox/message-key';
import { readMessage } from '../../../../lib/inbox/read-message';
import type { InboxConsumerOptions, InboxMessage } from '../../../../lib/interfaces/inbox-message';
import { anInboxMessage } from '../support/an-inbox-message';
import { anyPayload } from '../support/any-payload';
import { thrown } from '../support/thrown';

const withHeaders = (headers: InboxMessage['headers']): InboxMessage => anInboxMessage({ headers });
const idOf = (message: InboxMessage, options: Partial<InboxConsumerOptions> = {}): string | undefined =>
  keyOf(message, options)?.messageId;

describe('the id of a message', () => {
  const extract = jest.fn((_message: InboxMessage) => 'from the option');
  beforeEach(() => extract.mockClear());

  it("is that of CloudEvents, before Debezium's and before what the consumer makes of it", () => {
    expect(idOf(withHeaders({ id: 'd1', ce_id: 'e1' }), { id: extract })).toBe('e1');
    expect(idOf(withHeaders({ id: 'd1' }), { id: extract })).toBe('d1');
    expect(extract).not.toHaveBeenCalled();
  });

  it('is what the consumer makes of the message, where no header has it', () => {
    const message = withHeaders({ tenant: 'a' });
    expect(idOf(message, { id: extract })).toBe('from the option');
    expect(extract.mock.calls).toEqual([[message]]);
  });

  describe.each<[string, InboxMessage['headers'], InboxConsumerOptions['id']]>([
    ['no header has one', { tenant: 'a' }, undefined],
    ['its header is empty', { ce_id: '' }, undefined],
    ['the consumer makes none of it', {}, () => undefined],
    ['the consumer makes an empty one of it', {}, () => ''],
  ])('is missing where %s', (_why, headers, id) => {
    it('and refused by default, with what to do', async () => {
      for (const withoutId of [undefined, 'refuse'] as const) {
        const error = await thrown(InboxMessageIdMissingError, () => keyOf(withHeaders(headers), { id, withoutId }));
        expect(error.code).toBe('OUTBOX_INBOX_MESSAGE_ID_MISSING');
        expect(error.message).toMatch(
          /^The message at orders\[3\] offset 7 has no id.*neither a header ce_id nor a header id.*withoutId: 'process'/,
        );
      }
    });

    it('and not needed where that is said', () => {
      expect(keyOf(withHeaders(headers), { id, withoutId: 'process' })).toBeNull();
    });
  });

  it.each([
    ['255 characters', 'x'.repeat(255)],
    ['255 characters of two units each', '😀'.repeat(255)],
    ['a space', ' '],
  ])('may be %s', (_what, id) => {
    expect(idOf(withHeaders({ ce_id: id }))).toBe(id);
  });

  it.each<[string, unknown]>([
    ['too long', 'x'.repeat(256)],
    ['with a NUL', 'a\0b'],
    ['half of a surrogate pair', '\ud83d'],
    ['a number', 4711],
    ['null', null],
  ])('is refused where the consumer makes one that is %s, also where none is needed', async (_what, id) => {
    const options = { id: () => id as string, withoutId: 'process' } as const;
    const error = await thrown(InboxMessageIdMissingError, () => keyOf(withHeaders({}), options));
    expect(error.message).toContain('what it has is no text of 1 to 255 characters');
  });

  it('is refused where the consumer fails to make one, with the reason', async () => {
    const failure = new Error('no such property');
    const fail = (): never => {
      throw failure;
    };
    const error = await thrown(InboxMessageIdMissingError, () => keyOf(withHeaders({}), { id: fail }));
    expect(error.message).toContain('the option "id" has failed for it (no such property)');
    expect(error.cause).toBe(failure);
  });

  it('is one that the table takes, or refused, whatever the message is', () => {
    const options = fc.record({
      id: fc.constantFrom(undefined, ({ value }: InboxMessage) => value as string),
      withoutId: fc.constantFrom('refuse' as const, 'process' as const),
      onReplay: fc.constantFrom('skip' as const, 'process' as const),
    });
    fc.assert(
      fc.property(anyPayload, options, (payload, given) => {
        try {
          const key = keyOf(readMessage(payload), given);
          for (const text of key === null ? [] : [key.messageId, key.replayId]) {
            expect(Array.from(text).length).toBeLessThanOrEqual(255);
            expect([text.isWellFormed(), text.includes('\0')]).toEqual([true, false]);
          }
          expect(key?.messageId).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(InboxMessageIdMissingError);
        }
      }),
    );
  });
});

describe('a replay of a message', () => {
  const replayed = withHeaders({ ce_id: 'e1', 'outbox-replay': 'r1' });

  it('is the message itself by default', () => {
    expect(keyOf(replayed, {})).toEqual({ messageId: 'e1', replayId: '' });
    expect(keyOf(replayed, { onReplay: 'skip' })).toEqual({ messageId: 'e1', replayId: '' });
  });

  it('counts on its own where that is said, unlike the message itself', () => {
    expect(keyOf(replayed, { onReplay: 'process' })).toEqual({ messageId: 'e1', replayId: 'r1' });
    expect(keyOf(withHeaders({ ce_id: 'e1' }), { onReplay: 'process' })).toEqual({ messageId: 'e1', replayId: '' });
  });

  it('is refused where its id is one that the table does not take', () => {
    const long = withHeaders({ ce_id: 'e1', 'outbox-replay': 'r'.repeat(256) });
    expect(() => keyOf(long, { onReplay: 'process' })).toThrow(InboxMessageIdMissingError);
  });
});

describe('a message in a retry topic', () => {
  const inRetryTopic = anInboxMessage({ topic: 'orders.retry', headers: { 'inbox-consumer': 'billing' } });

  it('is for the consumer alone that has given it up', () => {
    expect(isForAnother(inRetryTopic, { consumer: 'shipping', retryTopic: 'orders.retry' })).toBe(true);
    expect(isForAnother(inRetryTopic, { consumer: 'billing', retryTopic: 'orders.retry' })).toBe(false);
  });

  it('is for any where it does not say whose it is, and so is one of any other topic', () => {
    const unsaid = anInboxMessage({ topic: 'orders.retry' });
    expect(isForAnother(unsaid, { consumer: 'shipping', retryTopic: 'orders.retry' })).toBe(false);
    expect(isForAnother(inRetryTopic, { consumer: 'shipping', retryTopic: undefined })).toBe(false);
    expect(
      isForAnother({ ...inRetryTopic, topic: 'orders' }, { consumer: 'shipping', retryTopic: 'orders.retry' }),
    ).toBe(false);
  });
});

describe('the place of a message', () => {
  it('stands in for its id', () => {
    expect(keyOfPlace(anInboxMessage())).toEqual({ messageId: 'orders[3]@7/1767323045678', replayId: '' });
  });

  it('is never too long', () => {
    const place = { topic: 't'.repeat(249), partition: 2 ** 31 - 1, offset: String(2n ** 63n - 1n) };
    expect(keyOfPlace(anInboxMessage(place)).messageId.length).toBeLessThanOrEqual(255);
  });
});
