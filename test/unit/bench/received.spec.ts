import { received, shipmentOf } from '../../../bench/inbox/received';
import { toMessage } from '../../../lib/relay/to-message';
import { aPendingEvent } from '../lib/support/a-pending-event';

describe('The messages that the benchmark gives to the inbox', () => {
  it('have the headers that the relay writes', () => {
    const event = aPendingEvent({ traceparent: '00-a-b-01' });
    const [payload] = received(0, 1);
    expect(Object.keys(payload?.message.headers ?? {})).toEqual(Object.keys(toMessage(event, 'bench').headers));
  });

  it('are new each time, and stand behind each other in their partition', () => {
    const payloads = [...received(3, 20), ...received(3, 20)];
    const ids = payloads.map(({ message }) => String(message.headers?.['ce_id']));
    expect(new Set(ids).size).toBe(40);
    expect(received(3, 3).map(({ partition, message }) => [partition, message.offset])).toEqual([
      [3, '0'],
      [3, '1'],
      [3, '2'],
    ]);
  });

  it('are orders of about 345 bytes, each for a shipment of its own', () => {
    const messages = received(0, 2).map(({ message }) => message);
    messages.forEach(({ value }) => expect(Math.abs((value?.length ?? 0) - 345)).toBeLessThan(20));
    const [first, second] = messages.map(shipmentOf);
    expect(first?.lines).toHaveLength(3);
    expect(first?.orderId).not.toBe(second?.orderId);
  });
});
