import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, KafkaContext } from '@nestjs/microservices';
import { ORDERS_TOPIC } from '../orders/order-events';
import { OrderRecordsService } from './order-records.service';

/** The records of the topic as Nest's Kafka transport hands them out: one partition's one after the other. */
@Controller()
export class OrderRecordsController {
  constructor(private readonly records: OrderRecordsService) {}

  @EventPattern(ORDERS_TOPIC)
  async receive(@Ctx() context: KafkaContext): Promise<void> {
    const { headers, value, offset } = context.getMessage();
    const place = `${context.getTopic()}[${context.getPartition()}] offset ${offset}`;
    await this.records.receive({ headers: headers ?? {}, value }, place);
  }
}
