import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, KafkaContext } from '@nestjs/microservices';
import { OutboxTracing } from 'nestjs-outboxed';
import { ORDERS_TOPIC } from '../orders/order-events';
import { OrderRecordsService } from './order-records.service';

/** The records of the topic as Nest's Kafka transport hands them out: one partition's one after the other. */
@Controller()
export class OrderRecordsController {
  constructor(
    private readonly records: OrderRecordsService,
    private readonly tracing: OutboxTracing,
  ) {}

  @EventPattern(ORDERS_TOPIC)
  async receive(@Ctx() context: KafkaContext): Promise<void> {
    const { headers = {}, key, value, offset } = context.getMessage();
    const topic = context.getTopic();
    const partition = context.getPartition();
    // As a part of the trace in which the order was placed.
    await this.tracing.process({ topic, partition, offset, key, headers, consumerGroup: 'shipping' }, () =>
      this.records.receive({ headers, value }, `${topic}[${partition}] offset ${offset}`),
    );
  }
}
