import { Test } from '@nestjs/testing';
import { getRepositoryToken } from '@nestjs/typeorm';
import { OutboxRepository } from 'nestjs-outboxed';
import { OutboxTestingModule, type TestingOutboxRepository } from 'nestjs-outboxed/testing';
import { CreditExceededException } from '../../../sample-app/src/orders/credit/credit-exceeded.exception';
import { CreditService } from '../../../sample-app/src/orders/credit/credit.service';
import { Order } from '../../../sample-app/src/orders/order.entity';
import { OrdersService } from '../../../sample-app/src/orders/orders.service';

async function shop() {
  const stored = new Map<string, Order>();
  const orders = {
    save: (order: Order) => Promise.resolve(stored.set(order.id, order).get(order.id)),
    findOne: ({ where: { id } }: { where: { id: string } }) => Promise.resolve(stored.get(id) ?? null),
    findOneBy: ({ id }: { id: string }) => Promise.resolve(stored.get(id) ?? null),
  };
  const charge = jest.fn(() => Promise.resolve());
  const module = await Test.createTestingModule({
    imports: [OutboxTestingModule.forRoot()],
    providers: [
      OrdersService,
      { provide: getRepositoryToken(Order), useValue: orders },
      { provide: CreditService, useValue: { charge } },
    ],
  }).compile();
  const outbox = module.get<TestingOutboxRepository>(OutboxRepository);
  return { service: module.get(OrdersService), outbox, charge };
}

describe('orders', () => {
  it('tells that an order was placed, in the order of the customer', async () => {
    const { service, outbox } = await shop();
    const order = await service.place('ada', [{ sku: 'tea', quantity: 2 }]);
    expect(outbox.events).toEqual([
      expect.objectContaining({
        topic: 'orders',
        eventType: 'OrderPlaced',
        aggregateId: order.id,
        eventKey: 'ada',
        eventData: {
          orderId: order.id,
          customerId: 'ada',
          items: [{ sku: 'tea', quantity: 2 }],
          totalCents: 900,
          placedAt: order.placedAt.toISOString(),
        },
      }),
    ]);
  });

  it('takes the event back when the credit turns out not to suffice after it was added', async () => {
    const { service, outbox, charge } = await shop();
    let added = 0;
    charge.mockImplementation(() => {
      added = outbox.events.length;
      return Promise.reject(new CreditExceededException('ada', 1_000_000));
    });
    await expect(service.place('ada', [{ sku: 'samovar', quantity: 1 }])).rejects.toThrow(
      'The credit of ada (10000.00) does not suffice',
    );
    expect(added).toBe(1);
    expect(outbox.events).toEqual([]);
  });

  it('tells that an order was cancelled, with the key of its placement', async () => {
    const { service, outbox } = await shop();
    const { id } = await service.place('ada', [{ sku: 'tea', quantity: 1 }]);
    await service.cancel(id);
    expect(outbox.events.at(-1)).toEqual(
      expect.objectContaining({
        eventType: 'OrderCancelled',
        eventKey: 'ada',
        eventData: { orderId: id, customerId: 'ada' },
      }),
    );
  });

  it('tells nothing when an order cannot be cancelled', async () => {
    const { service, outbox } = await shop();
    const { id } = await service.place('ada', [{ sku: 'tea', quantity: 1 }]);
    await service.cancel(id);
    await expect(service.cancel(id)).rejects.toThrow(`Order ${id} is cancelled already.`);
    await expect(service.cancel('of nobody')).rejects.toThrow('There is no order of nobody.');
    expect(outbox.events).toHaveLength(2);
  });
});
