import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, KafkaContext } from '@nestjs/microservices';
import { IdempotentConsumer } from 'nestjs-outboxed';
import { ORDERS_TOPIC } from '../orders/order-events';
import { OrderRecordsService } from './order-records.service';
import { SHIPPING } from './shipping-consumer';

/** The records of the topic as Nest's Kafka transport hands them out: one partition's one after the other. */
@Controller()
export class OrderRecordsController {
  constructor(private readonly records: OrderRecordsService) {}

  @EventPattern(ORDERS_TOPIC)
  @IdempotentConsumer(SHIPPING)
  async receive(@Ctx() context: KafkaContext): Promise<void> {
    const { headers = {}, value, offset } = context.getMessage();
    await this.records.receive({ headers, value }, `${context.getTopic()}[${context.getPartition()}] offset ${offset}`);
  }
}
