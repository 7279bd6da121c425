import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { OutboxEvents } from 'nestjs-outboxed';
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
 * Each event is handled once, in the transaction that the inbox has opened, although delivery is at least once. A customer's events come in the order of
 * their commits, so a cancellation always finds its shipment.
 */
@Injectable()
export class ShippingService implements OnModuleInit {
  private redeliveries = 0;

  constructor(
    @InjectRepository(Shipment) private readonly shipments: Repository<Shipment>,
    private readonly events: OutboxEvents,
  ) {}

  onModuleInit(): void {
    this.events.subscribe((activity) => {
      if (activity.type === 'inbox-skipped') this.redeliveries += activity.count;
    });
  }

  async apply(event: OrderEvent): Promise<void> {
    if (event.type === 'OrderCancelled') {
      await this.shipments.update({ orderId: event.data.orderId }, { status: 'cancelled' });
      return;
    }
    const { orderId, customerId, items } = event.data;
    await this.shipments.insert({ orderId, eventId: event.id, customerId, items, status: 'preparing' });
  }

  ofCustomer(customerId: string): Promise<Shipment[]> {
    return this.shipments.find({ where: { customerId }, order: { position: 'ASC' }, take: 100 });
  }

  async stats(): Promise<ShippingStats> {
    return { recorded: await this.shipments.count(), redeliveries: this.redeliveries };
  }
}
