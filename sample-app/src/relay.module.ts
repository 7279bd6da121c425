import { Module, type DynamicModule } from '@nestjs/common';
import { OutboxModule } from 'nestjs-outboxed';
import type { RelayConfig } from './config/shop-config';
import { DatabaseModule } from './database/database.module';
import { TopicMaker } from './kafka/topic-maker';
import { ORDERS_PARTITIONS, ORDERS_TOPIC } from './orders/order-events';
import { OUTBOX } from './outbox/outbox-options';

/** What it takes to deliver the shop's events, and nothing of the shop itself. */
@Module({})
export class RelayModule {
  static forRoot({ databaseUrl, brokers }: RelayConfig): DynamicModule {
    return {
      module: RelayModule,
      imports: [
        DatabaseModule.forRoot(databaseUrl),
        OutboxModule.forRoot({ ...OUTBOX, relay: true, kafka: { clientId: 'shop-relay', brokers: [...brokers] } }),
      ],
      providers: [
        {
          provide: TopicMaker,
          useValue: new TopicMaker({
            clientId: 'shop-relay',
            brokers,
            topic: ORDERS_TOPIC,
            partitions: ORDERS_PARTITIONS,
          }),
        },
      ],
    };
  }
}
