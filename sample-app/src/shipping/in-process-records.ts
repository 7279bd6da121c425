import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InProcessPublisher } from 'nestjs-outboxed';
import { ORDERS_TOPIC } from '../orders/order-events';
import { OrderRecordsService } from './order-records.service';

/** Stands in for Kafka: takes the records from the relay of this very process. */
@Injectable()
export class InProcessRecords implements OnModuleInit {
  constructor(
    private readonly publisher: InProcessPublisher,
    private readonly records: OrderRecordsService,
  ) {}

  onModuleInit(): void {
    this.publisher.subscribe(ORDERS_TOPIC, ({ id, headers, value }) =>
      this.records.receive({ headers, value: JSON.parse(value) as unknown }, `event ${id}`),
    );
  }
}
