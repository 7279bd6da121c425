import { ConflictException, Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Outboxed, OutboxRepository } from 'nestjs-outboxed';
import { Repository } from 'typeorm';
import type { OrderItem } from './catalogue';
import { CreditService } from './credit/credit.service';
import { ORDER_CANCELLED, ORDER_PLACED, orderCancelled, orderingKey, orderPlaced, ORDERS_TOPIC } from './order-events';
import { Order } from './order.entity';

@Injectable()
export class OrdersService {
  constructor(
    @InjectRepository(Order) private readonly orders: Repository<Order>,
    private readonly credit: CreditService,
    private readonly outbox: OutboxRepository,
  ) {}

  /**
   * The order, its event and its charge commit together or not at all.
   *
   * The credit is charged last to show just that: when it does not suffice, the event added before is gone with the order. In your own
   * code check first and add events last, since the ordering key stays locked from then on until the commit.
   */
  @Outboxed()
  async place(customerId: string, items: readonly OrderItem[]): Promise<Order> {
    const order = await this.orders.save(Order.of(customerId, items));
    await this.outbox.addEvent({
      aggregateType: 'order',
      aggregateId: order.id,
      eventType: ORDER_PLACED,
      topic: ORDERS_TOPIC,
      eventKey: orderingKey(order),
      eventData: orderPlaced(order),
    });
    await this.credit.charge(order.customerId, order.id, order.totalCents);
    return order;
  }

  /** The same without a line about events in the method: the event is made from the returned order. */
  @Outboxed<Order>({
    aggregateType: 'order',
    aggregateId: (order) => order.id,
    eventType: ORDER_CANCELLED,
    topic: ORDERS_TOPIC,
    eventKey: orderingKey,
    eventData: orderCancelled,
  })
  async cancel(id: string): Promise<Order> {
    // Locked, so that of two cancellations at once only one makes an event.
    const order = await this.orders.findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
    if (order === null) throw notFound(id);
    if (order.status === 'cancelled') throw new ConflictException(`Order ${id} is cancelled already.`);
    order.status = 'cancelled';
    return this.orders.save(order);
  }

  async get(id: string): Promise<Order> {
    const order = await this.orders.findOneBy({ id });
    if (order === null) throw notFound(id);
    return order;
  }
}

function notFound(id: string): NotFoundException {
  return new NotFoundException(`There is no order ${id}.`);
}
