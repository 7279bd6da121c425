import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Inbox, InProcessPublisher } from 'nestjs-outboxed';
import { ORDERS_TOPIC } from '../orders/order-events';
import { OrderRecordsService } from './order-records.service';
import { SHIPPING } from './shipping-consumer';

/** Stands in for Kafka: takes the records from the relay of this very process. */
@Injectable()
export class InProcessRecords implements OnModuleInit {
  constructor(
    private readonly publisher: InProcessPublisher,
    private readonly records: OrderRecordsService,
    private readonly inbox: Inbox,
  ) {}

  onModuleInit(): void {
    this.publisher.subscribe(ORDERS_TOPIC, async ({ id, key, headers, value }) => {
      const payload = { topic: ORDERS_TOPIC, partition: 0, message: { key, value, headers, offset: '0' } };
      const receive = (): Promise<void> =>
        this.records.receive({ headers, value: JSON.parse(value) as unknown }, `event ${id}`);
      await this.inbox.process(payload, receive, SHIPPING);
    });
  }
}
