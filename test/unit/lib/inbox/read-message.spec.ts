import fc from 'fast-check';
import { placeOf, readMessage, toStored } from '../../../../lib/inbox/read-message';
import { anyPayload } from '../support/any-payload';
import { anInboxMessage, aPayload } from '../support/an-inbox-message';

describe('a record as the inbox reads it', () => {
  it('has its place, its bytes and its time, and its headers as text', () => {
    expect(readMessage(aPayload('e1'))).toEqual(anInboxMessage());
  });

  it.each([
    ['bytes', Buffer.from('Größe'), 'Größe'],
    ['text', 'Größe', 'Größe'],
    ['a list, as the header stands twice', [Buffer.from('first'), Buffer.from('second')], 'first'],
    ['what was parsed', { a: 1 }, '{"a":1}'],
    ['bytes with a NUL, which PostgreSQL does not store', Buffer.from('a\0b'), 'a\ufffdb'],
    ['nothing', Buffer.alloc(0), ''],
  ])('has a header that is %s', (_what, header, text) => {
    expect(readMessage(aPayload('e1', { headers: { header } })).headers).toEqual({ header: text });
  });

  it.each([
    ['null', { header: null }],
    ['undefined', { header: undefined }],
    ['an empty list', { header: [] }],
    ['not there', undefined],
  ])('has no header that is %s', (_what, headers) => {
    expect(readMessage(aPayload('e1', { headers })).headers).toEqual({});
  });

  it.each([undefined, '-1', '0'])('has no time where it does not say when it was written: %s', (timestamp) => {
    expect(readMessage(aPayload('e1', { timestamp })).timestamp).toBe(0);
  });

  it('has the first of a header that stands twice, and the whole of one that looks like a list', () => {
    const headers = { twice: [Buffer.from('a'), Buffer.from('b')] as never, list: ['a', 'b'] };
    expect(readMessage(aPayload('e1', { headers })).headers).toMatchObject({ twice: 'a', list: '["a","b"]' });
  });

  it.each([
    [null, null],
    [undefined, null],
    ['4711', '4711'],
    [{ id: 7 }, '{"id":7}'],
  ])('has the key %p as %p', (key, read) => {
    expect(readMessage(aPayload('e1', { key })).key).toEqual(read);
  });

  it('is called by its topic, partition and offset', () => {
    expect(placeOf(anInboxMessage())).toBe('orders[3] offset 7');
  });
});

describe('a record as it goes to the dead letters', () => {
  it.each([
    ['the bytes', Buffer.from([0, 255]), Buffer.from([0, 255])],
    ['text', 'Größe', Buffer.from('Größe')],
    ['what Nest has parsed, as JSON', { total: 12 }, Buffer.from('{"total":12}')],
    ['nothing', undefined, null],
    ['nothing, which is not the same as empty', null, null],
    ['nothing but empty', Buffer.alloc(0), Buffer.alloc(0)],
  ])('has as its value %s', (_what, value, stored) => {
    expect(toStored(readMessage(aPayload('e1', { value }))).value).toEqual(stored);
  });

  it('can be any record, and has the bytes of its key and value', () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        const stored = toStored(readMessage(payload));
        const { key, value } = payload.message;
        for (const [given, kept] of [
          [key, stored.key],
          [value, stored.value],
        ]) {
          expect(kept === null || Buffer.isBuffer(kept)).toBe(true);
          if (Buffer.isBuffer(given)) {
            expect(kept).toEqual(given);
          }
        }
        expect(JSON.stringify(Object.values(stored.headers))).not.toContain('\\u0000');
      }),
    );
  });
});
