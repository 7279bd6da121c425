import { toMessage } from '../../../../lib/relay/to-message';
import { aPendingEvent } from '../support/a-pending-event';

describe('the message of an event', () => {
  it('is a CloudEvent in the binary mode of the Kafka binding', () => {
    const event = aPendingEvent({ aggregateId: 'order-1', eventKey: 'customer-1' });
    expect(toMessage(event, '/orders')).toEqual({
      id: event.id,
      topic: 'orders',
      key: 'customer-1',
      value: '{"total":12}',
      headers: {
        ce_specversion: '1.0',
        ce_id: event.id,
        ce_type: 'OrderPlaced',
        ce_source: '/orders',
        ce_subject: 'order-1',
        ce_time: '2026-01-02T03:04:05.678Z',
        'content-type': 'application/json',
      },
    });
  });

  it("has the headers in one order: CloudEvents, the event's own, the trace context", () => {
    const event = aPendingEvent({ headers: { zeta: '1', alpha: '2' }, traceparent: '00-a-b-01' });
    expect(Object.entries(toMessage(event, 's').headers)).toEqual([
      ['ce_specversion', '1.0'],
      ['ce_id', event.id],
      ['ce_type', 'OrderPlaced'],
      ['ce_source', 's'],
      ['ce_subject', '4711'],
      ['ce_time', '2026-01-02T03:04:05.678Z'],
      ['content-type', 'application/json'],
      ['zeta', '1'],
      ['alpha', '2'],
      ['traceparent', '00-a-b-01'],
    ]);
  });

  it('carries the stored text as it is, without a change of number or space', () => {
    const eventData = '{ "long":12345678901234567890,"b":1.0, "a":"\\u0000" }';
    expect(toMessage(aPendingEvent({ eventData }), 's').value).toBe(eventData);
  });

  it('does not depend on how often it was tried, so that a redelivery is equal', () => {
    const event = aPendingEvent({ headers: { a: 'b' } });
    expect(JSON.stringify(toMessage({ ...event, attempts: 7, seq: 2 }, 's'))).toBe(
      JSON.stringify(toMessage(event, 's')),
    );
  });
});
