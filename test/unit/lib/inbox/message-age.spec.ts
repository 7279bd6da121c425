import { ageOf } from '../../../../lib/inbox/message-age';
import { anInboxMessage } from '../support/an-inbox-message';

const NOW = Date.parse('2026-01-02T03:04:10Z');
const timestamp = Date.parse('2026-01-02T03:04:09Z');

describe('the age of a message', () => {
  it('is counted from the adding of its event', () => {
    const headers = { ce_time: '2026-01-02T03:04:05.500Z' };
    expect(ageOf(anInboxMessage({ headers, timestamp }), NOW)).toBe(4.5);
  });

  it.each<Record<string, string>>([{}, { ce_time: '' }, { ce_time: 'yesterday' }])(
    'is counted from the writing of the record, where the headers are %j',
    (headers) => {
      expect(ageOf(anInboxMessage({ headers, timestamp }), NOW)).toBe(1);
    },
  );

  it('is 0 where the clock of the producer is ahead', () => {
    const headers = { ce_time: '2026-01-02T03:04:11Z' };
    expect(ageOf(anInboxMessage({ headers, timestamp }), NOW)).toBe(0);
  });
});
