import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { OrderEvent } from './read-record';
import { Shipment } from './shipment.entity';

export interface ShippingStats {
  /** Shipments in the table. */
  readonly recorded: number;
  /** Redeliveries that were recognised since this process started. */
  readonly redeliveries: number;
}

/**
 * Delivery is at least once, so everything here may be done a second time without effect. A customer's events come in the order of
 * their commits, so a cancellation always finds its shipment.
 */
@Injectable()
export class ShippingService {
  private redeliveries = 0;

  constructor(@InjectRepository(Shipment) private readonly shipments: Repository<Shipment>) {}

  async apply(event: OrderEvent): Promise<void> {
    if (event.type === 'OrderCancelled') {
      await this.shipments.update({ orderId: event.data.orderId }, { status: 'cancelled' });
      return;
    }
    const { orderId, customerId, items } = event.data;
    const inserted = await this.shipments
      .createQueryBuilder()
      .insert()
      .values({ orderId, eventId: event.id, customerId, items, status: 'preparing' })
      .orIgnore() // on conflict do nothing
      .returning(['position'])
      .execute();
    if ((inserted.raw as unknown[]).length === 0) this.redeliveries++;
  }

  ofCustomer(customerId: string): Promise<Shipment[]> {
    return this.shipments.find({ where: { customerId }, order: { position: 'ASC' }, take: 100 });
  }

  async stats(): Promise<ShippingStats> {
    return { recorded: await this.shipments.count(), redeliveries: this.redeliveries };
  }
}
