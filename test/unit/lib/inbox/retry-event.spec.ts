import fc from 'fast-check';
import { readMessage } from '../../../../lib/inbox/read-message';
import { retryEventOf, type RetriedMessage, type TextEvent } from '../../../../lib/inbox/retry-event';
import type { InboxMessage } from '../../../../lib/interfaces/inbox-message';
import { prepareEvents } from '../../../../lib/write/prepare-events';
import { anInboxMessage, aPayload } from '../support/an-inbox-message';
import { anyPayload } from '../support/any-payload';

const NOW = new Date('2026-01-02T03:04:05Z');
const RETRIED: RetriedMessage = {
  consumer: 'shipping',
  messageId: 'e1',
  topic: 'orders.retry',
  delaySeconds: 0,
  reason: 'Error: no stock',
};

const retry = (message: Partial<InboxMessage>, retried: Partial<RetriedMessage> = {}): TextEvent | null =>
  retryEventOf(anInboxMessage(message), { ...RETRIED, ...retried }, NOW);
const headersOf = (headers: InboxMessage['headers'], retried: Partial<RetriedMessage> = {}) =>
  retry({ headers }, retried)?.event.headers;
/** What the outbox does with it. */
const prepare = ({ event }: TextEvent): unknown => prepareEvents([{ ...event, eventData: null }], 1_000_000);

describe('the event that carries a message to the retry topic', () => {
  it('has the topic, the key and the type of the message, and says where it comes from', () => {
    expect(retry({ headers: { ce_id: 'e1', ce_type: 'OrderPlaced', ce_subject: 'order-7', tenant: 'a' } })).toEqual({
      event: {
        aggregateType: 'inbox-retry',
        aggregateId: 'order-7',
        eventType: 'OrderPlaced',
        topic: 'orders.retry',
        eventKey: '4711',
        headers: {
          tenant: 'a',
          'inbox-message-id': 'e1',
          'inbox-topic': 'orders',
          'inbox-consumer': 'shipping',
          'inbox-reason': 'Error: no stock',
        },
      },
      json: '{"total":12}',
    });
  });

  it('has names of its own where the message has none', () => {
    expect(retry({ headers: {} })?.event).toMatchObject({ aggregateId: '4711', eventType: 'InboxRetry' });
    const bare = { aggregateId: 'e1', eventKey: 'e1', eventType: 'InboxRetry' };
    expect(retry({ headers: {}, key: null })?.event).toMatchObject(bare);
    expect(retry({ headers: { ce_type: '', ce_subject: '' }, key: Buffer.alloc(0) })?.event).toMatchObject(bare);
    expect(retry({ headers: {}, key: '4711' })?.event).toMatchObject({ eventKey: '4711' });
  });

  it.each([
    ['spaces, order and numbers as they were written', '{ "b":1.0,\r\n\t"a" : 1e400, "a":12345678901234567890 }'],
    ['escapes as they were written', '"\\u0041\\/\\ud83d\\u0000"'],
    ['text that is no ASCII', '"Größe 😀"'],
    ['a number alone', '7'],
  ])('has the same bytes: %s', (_what, json) => {
    expect(retry({ value: Buffer.from(json) })?.json).toBe(json);
    expect(retry({ value: json })?.json).toBe(json);
  });

  it("has what Nest's transport has parsed as JSON again", () => {
    expect(retry({ value: { total: 12 } })?.json).toBe('{"total":12}');
  });

  it.each<[string, Partial<InboxMessage>]>([
    ['without a value, which is not the same as null', { value: null }],
    ['no JSON', { value: Buffer.from('total=12') }],
    ['empty', { value: Buffer.alloc(0) }],
    ['JSON with a mark of its byte order', { value: Buffer.from('\ufeff{}') }],
    ['JSON with a NUL in it', { value: Buffer.from('"\0"') }],
    ['JSON in bytes that are no text', { value: Buffer.from([0x22, 0xff, 0x22]) }],
    ['under a key that is no text', { key: Buffer.from([0xff]) }],
  ])('is none where the message is %s', (_what, message) => {
    expect(retry(message)).toBeNull();
  });

  it('has the headers of the message, but those that the outbox and the inbox set', () => {
    const carried = { tenant: 'a', 'x-ce_id': 'b', identity: 'c', 'content-encoding': 'd', kafka_replyTopic: 'e' };
    const left = {
      ...{ ce_id: 'e1', ce_time: '2026', CE_Source: '/', 'content-type': 'x', 'Content-Type': 'y', id: 'd1' },
      ...{ traceparent: 't', tracestate: 's', 'outbox-replay': 'r1', 'inbox-reason': 'before', 'inbox-consumer': 'b' },
    };
    expect(Object.keys(headersOf({ ...carried, ...left }) ?? {}).toSorted()).toEqual(
      [...Object.keys(carried), 'inbox-consumer', 'inbox-message-id', 'inbox-reason', 'inbox-topic'].toSorted(),
    );
  });

  it('says of a message that was retried before where it came from first, and why it has failed last', () => {
    const first = headersOf({ ce_id: 'e1' }, { reason: 'first' }) ?? {};
    expect(headersOf({ ...first, ce_id: 'e2' }, { messageId: 'e2', reason: 'second' })).toMatchObject({
      'inbox-message-id': 'e1',
      'inbox-topic': 'orders',
      'inbox-reason': 'second',
    });
  });

  it('is delivered at once, or after the delay', () => {
    expect(retry({})?.event).not.toHaveProperty('availableAt');
    expect(retry({}, { delaySeconds: 1.5 })?.event.availableAt).toEqual(new Date('2026-01-02T03:04:06.500Z'));
  });

  it('has the beginning of a long reason, without what a header cannot have', () => {
    const reason = (text: string) => headersOf({}, { reason: text })?.['inbox-reason'];
    expect(reason('x'.repeat(501))).toBe('x'.repeat(500));
    expect(reason('a\0b')).toBe('a b');
    expect(reason(`${'x'.repeat(499)}😀`)).toBe(`${'x'.repeat(499)}\ufffd`);
  });

  it('is one that the outbox takes, whatever the error and the name of the consumer are', () => {
    const text = fc.string({ unit: 'binary', maxLength: 600 });
    fc.assert(
      fc.property(text, text, (consumer, reason) => {
        expect(() => prepare(retry({}, { consumer, reason }) as TextEvent)).not.toThrow();
      }),
    );
    const cut = retry({}, { reason: `${'x'.repeat(499)}😀`, consumer: `${'x'.repeat(499)}😀` });
    expect(() => prepare(cut as TextEvent)).not.toThrow();
  });

  it('can be asked for of any message, and has the bytes of its value', () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        const event = retryEventOf(readMessage(payload), RETRIED, NOW);
        const { value } = payload.message;
        if (event !== null && Buffer.isBuffer(value)) {
          expect(Buffer.from(event.json)).toEqual(value);
        }
      }),
    );
  });

  it('has the bytes of any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(retryEventOf(readMessage(aPayload('e1', { value: Buffer.from(json) })), RETRIED, NOW)?.json).toBe(json);
      }),
    );
  });
});
