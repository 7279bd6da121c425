import { Logger } from '@nestjs/common';
import { OrderRecordsService } from '../../../sample-app/src/shipping/order-records.service';
import type { OrderEvent } from '../../../sample-app/src/shipping/read-record';
import type { ShippingService } from '../../../sample-app/src/shipping/shipping.service';

const ID = '0192f3a0-0000-7000-8000-000000000001';
const ORDER = '0192f3a0-0000-4000-8000-000000000002';
const PLACED = { orderId: ORDER, customerId: 'ada', items: [{ sku: 'tea', quantity: 1 }], added: 'later' };
const headers = { ce_id: ID, ce_type: 'OrderPlaced' };

describe('records of the topic', () => {
  const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
  const applied: OrderEvent[] = [];
  const apply = jest.fn((event: OrderEvent) => Promise.resolve(void applied.push(event)));
  const records = new OrderRecordsService({ apply } as unknown as ShippingService);

  beforeEach(() => {
    applied.length = 0;
    jest.clearAllMocks();
  });

  it('are applied, whatever else they hold', async () => {
    await records.receive({ headers, value: PLACED }, 'here');
    expect(applied).toEqual([
      { type: 'OrderPlaced', id: ID, data: expect.objectContaining({ orderId: ORDER }) as unknown },
    ]);
  });

  it('of an unknown type are for others', async () => {
    await records.receive({ headers: { ...headers, ce_type: 'OrderPraised' }, value: {} }, 'here');
    expect(applied).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
  });

  it.each([
    ['without an id', { headers: { ce_type: 'OrderPlaced' }, value: PLACED }, 'ce_id'],
    ['without a type', { headers: { ce_id: ID }, value: PLACED }, 'ce_type'],
    ['without a value', { headers, value: null }, 'not a JSON object'],
    ['with text for a value', { headers, value: '{broken' }, 'not a JSON object'],
    ['with a wrong field', { headers, value: { ...PLACED, orderId: 'x' } }, 'orderId must be a UUID'],
    [
      'with a wrong item',
      { headers, value: { ...PLACED, items: [{ sku: 'tea', quantity: 0 }] } },
      'quantity must not be less',
    ],
  ])('%s are reported with their place and left behind', async (_, record, reason) => {
    await records.receive(record, 'orders[2] offset 7');
    expect(applied).toEqual([]);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toContain('at orders[2] offset 7');
    expect(warn.mock.calls[0]?.[0]).toContain(reason);
  });

  it('are read again when they could not be applied', async () => {
    apply.mockRejectedValueOnce(new Error('the database is away'));
    await expect(records.receive({ headers, value: PLACED }, 'here')).rejects.toThrow('the database is away');
  });
});
