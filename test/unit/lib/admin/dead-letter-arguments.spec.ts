import { inboxSearchOf, seqOf } from '../../../../lib/admin/dead-letter-arguments';
import { OutboxArgumentInvalidError } from '../../../../lib/errors/event.errors';
import { thrown } from '../support/thrown';

describe('a search for dead letters of the inbox', () => {
  it('begins at the beginning, with 100 of all consumers, unless it says otherwise', () => {
    const expected = { after: '0', limit: 100, consumer: null };
    expect(inboxSearchOf({})).toEqual(expected);
    expect(inboxSearchOf({ after: null })).toEqual(expected);
    expect(inboxSearchOf({ after: undefined, limit: undefined, consumer: undefined })).toEqual(expected);
  });

  it('is as it was asked for', () => {
    const query = { after: '9223372036854775807', limit: 1000, consumer: 'shipping' };
    expect(inboxSearchOf(query)).toEqual(query);
  });

  it.each<[string, unknown, string]>([
    ['what is no object', 'shipping', 'was given "shipping"'],
    ['null', null, 'was given null'],
    ['the limit 0', { limit: 0 }, 'from 1 to 1000'],
    ['the limit 1001', { limit: 1001 }, 'from 1 to 1000'],
    ['a limit as text', { limit: '7' }, 'the limit "7"'],
    ['a place that is no number', { after: 'x' }, '"x" as "after"'],
    ['a place as a number', { after: 7 }, '7 as "after"'],
    ['a place beyond all', { after: '9223372036854775808' }, 'as "after"'],
    ['an empty consumer', { consumer: '' }, '"consumer"'],
    ['a consumer that is a number', { consumer: 7 }, '"consumer"'],
    ['a consumer with a NUL character', { consumer: 'a\0' }, '"consumer"'],
    ['a misspelt filter', { consumr: 'shipping' }, '"consumr", which is not a part of the query; "consumer" is'],
    ['a filter of the other dead letters', { eventKey: 'k' }, '"eventKey", which is not a part of the query.'],
  ])('is refused with %s', async (_what, query, message) => {
    const error = await thrown(OutboxArgumentInvalidError, () => inboxSearchOf(query));
    expect(error.message).toContain(message);
  });
});

describe('the number of a dead letter of the inbox', () => {
  it.each(['0', '7', '9223372036854775807'])('may be %s', (seq) => {
    expect(seqOf('handle', seq)).toBe(seq);
  });

  it.each(['', '-1', '1.5', ' 7', 'x', '9223372036854775808', '12345678901234567890', 7, 7n, null, undefined, {}])(
    'must not be %p',
    async (seq) => {
      const error = await thrown(OutboxArgumentInvalidError, () => seqOf('handle', seq));
      expect(error.message).toMatch(/^handle was given .+, and needs the "seq" of a dead letter, as list gives it\.$/);
    },
  );
});
