import type { QueryRunner } from 'typeorm';
import { OutboxEventInvalidError } from '../../../../lib/errors/event.errors';
import { FailedMessages, type FailureOutcome } from '../../../../lib/inbox/failed-messages';
import { resolveConsumer } from '../../../../lib/inbox/resolve-consumer';
import type { TextEvent } from '../../../../lib/inbox/retry-event';
import type { InboxConsumerOptions, InboxMessage } from '../../../../lib/interfaces/inbox-message';
import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import type { FailedMessage, FailureRecord } from '../../../../lib/store/record-failed-message';
import { anInboxMessage } from '../support/an-inbox-message';
import { InMemoryInbox } from '../support/in-memory-inbox';

const KEY = { messageId: 'e1', replayId: '' };
const AGAIN: FailureRecord = { attempts: 2, givenUp: false };
const GIVEN_UP: FailureRecord = { attempts: 10, givenUp: true };
const RETRY = { retryTopic: 'orders.retry' };

describe('a failed attempt', () => {
  const { transactions } = new InMemoryInbox();
  let record: jest.Mock<Promise<FailureRecord | null>, [QueryRunner | undefined, FailedMessage]>;
  let addEvent: jest.Mock<Promise<void>, [TextEvent]>;
  let told: OutboxActivity[];

  beforeEach(() => {
    record = jest.fn<Promise<FailureRecord | null>, [QueryRunner | undefined, FailedMessage]>();
    record.mockResolvedValue(AGAIN);
    addEvent = jest.fn((_event: TextEvent) => Promise.resolve());
    told = [];
  });

  const noteError = (
    error: unknown,
    options: Partial<InboxConsumerOptions> = {},
    message: InboxMessage = anInboxMessage(),
  ): Promise<FailureOutcome> => {
    const failures = new FailedMessages({
      transactions,
      record,
      addEvent,
      tell: (activity) => void told.push(activity),
    });
    return failures.note(message, KEY, error, resolveConsumer({ consumer: 'shipping', ...options }, 'the test'));
  };
  const note = (options?: Partial<InboxConsumerOptions>, message?: InboxMessage): Promise<FailureOutcome> =>
    noteError(new Error('no stock'), options, message);
  /** In which transaction attempts were counted, and whether the message is buried if it is given up. */
  const counted = (): unknown[] => record.mock.calls.map(([runner, { bury }]) => [runner, bury]);
  const named = { consumer: 'shipping', id: 'e1', topic: 'orders', reason: 'Error: no stock' };

  it('is counted by itself, with all that a dead letter needs', async () => {
    const message = anInboxMessage();
    await expect(noteError(new TypeError('no stock'), { maxAttempts: 3 }, message)).resolves.toBe('again');
    expect(record.mock.calls).toEqual([
      [
        undefined,
        {
          consumer: 'shipping',
          key: KEY,
          message,
          reason: 'TypeError: no stock',
          maxAttempts: 3,
          bury: true,
        },
      ],
    ]);
  });

  it('is told, and nothing else, as long as there are attempts left', async () => {
    await note();
    expect(told).toEqual([{ type: 'inbox-failed', ...named, attempts: 2 }]);
  });

  it('makes a dead letter of the message with the last attempt', async () => {
    record.mockResolvedValue(GIVEN_UP);
    await expect(note()).resolves.toBe('dead');
    expect(told).toEqual([
      { type: 'inbox-failed', ...named, attempts: 10 },
      { type: 'inbox-given-up', ...named, attempts: 10, retryTopic: false },
    ]);
  });

  it.each([{}, RETRY])('is none where the message was handled meanwhile: %j', async (options) => {
    record.mockResolvedValue(null);
    await expect(note(options)).resolves.toBe('handled');
    expect([told, addEvent.mock.calls]).toEqual([[], []]);
  });

  it.each<[string, unknown, string]>([
    ['text', 'no stock', 'no stock'],
    ['nothing', undefined, 'undefined'],
    ['an error with a NUL', new Error('a\0b'), 'Error: a b'],
    ['an error with half of a surrogate pair', new Error('\ud83d'), 'Error: \ufffd'],
    ['an error with a long message', new Error('x'.repeat(3000)), `Error: ${'x'.repeat(1993)}`],
    [
      'an error that is cut in the middle of a character',
      new Error(`${'x'.repeat(1992)}😀`),
      `Error: ${'x'.repeat(1992)}\ufffd`,
    ],
  ])('has a reason that PostgreSQL stores: %s', async (_what, error, reason) => {
    await noteError(error);
    expect(record.mock.calls[0]?.[1].reason).toBe(reason);
  });

  it('fails where it cannot be counted, and is not told', async () => {
    record.mockRejectedValue(new Error('no database'));
    await expect(note()).rejects.toThrow('no database');
    await expect(note(RETRY)).rejects.toThrow('no database');
    expect(told).toEqual([]);
  });

  describe('with a retry topic', () => {
    it('is counted in a transaction, and adds no event as long as there are attempts left', async () => {
      await expect(note(RETRY)).resolves.toBe('again');
      expect(counted()).toEqual([[transactions.runner, false]]);
      expect(addEvent).not.toHaveBeenCalled();
    });

    it('adds the event in the transaction that gives the message up', async () => {
      record.mockResolvedValue(GIVEN_UP);
      addEvent.mockImplementation(() => {
        expect(transactions.active).toBe(true);
        return Promise.resolve();
      });
      jest.useFakeTimers({ now: new Date('2026-01-02T03:04:05Z') });
      await expect(note({ ...RETRY, retryDelaySeconds: 60 })).resolves.toBe('retried');
      jest.useRealTimers();
      expect(counted()).toEqual([[transactions.runner, false]]);
      expect(addEvent.mock.calls).toEqual([
        [
          {
            json: '{"total":12}',
            event: expect.objectContaining({
              topic: 'orders.retry',
              availableAt: new Date('2026-01-02T03:05:05Z'),
            }) as unknown,
          },
        ],
      ]);
      expect(told.at(-1)).toEqual({ type: 'inbox-given-up', ...named, attempts: 10, retryTopic: true });
    });

    it.each([
      ['comes from there', anInboxMessage({ topic: 'orders.retry' })],
      ['is no JSON', anInboxMessage({ value: Buffer.from('total=12') })],
    ])('makes a dead letter of a message that %s', async (_what, message) => {
      record.mockResolvedValue(GIVEN_UP);
      await expect(note(RETRY, message)).resolves.toBe('dead');
      expect(counted()).toEqual([[undefined, true]]);
      expect(addEvent).not.toHaveBeenCalled();
      expect(told.at(-1)).toMatchObject({ type: 'inbox-given-up', retryTopic: false });
    });

    it('makes a dead letter of what the outbox does not take, after that transaction', async () => {
      record.mockResolvedValue(GIVEN_UP);
      addEvent.mockRejectedValue(new OutboxEventInvalidError(['aggregateId has 256 characters']));
      await expect(note(RETRY)).resolves.toBe('dead');
      expect(counted()).toEqual([
        [transactions.runner, false],
        [undefined, true],
      ]);
      expect(told.map(({ type }) => type)).toEqual(['inbox-failed', 'inbox-given-up']);
    });

    it('fails where the event cannot be added for another reason, and is not told', async () => {
      record.mockResolvedValue(GIVEN_UP);
      addEvent.mockRejectedValue(new Error('no database'));
      await expect(note(RETRY)).rejects.toThrow('no database');
      expect([record.mock.calls.length, told]).toEqual([1, []]);
    });
  });
});
