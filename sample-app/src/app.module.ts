import { Module, type DynamicModule } from '@nestjs/common';
import { InProcessPublisher, OutboxModule } from 'nestjs-outboxed';
import type { ShopConfig } from './config/shop-config';
import { DatabaseModule } from './database/database.module';
import { ObservabilityModule } from './observability/observability.module';
import { OrdersModule } from './orders/orders.module';
import { OutboxController } from './outbox/outbox.controller';
import { OUTBOX } from './outbox/outbox-options';
import { ShippingModule } from './shipping/shipping.module';

@Module({})
export class AppModule {
  static forRoot({ databaseUrl, brokers, relay }: ShopConfig): DynamicModule {
    const inProcess = brokers === null ? new InProcessPublisher() : null;
    return {
      module: AppModule,
      imports: [
        DatabaseModule.forRoot(databaseUrl),
        OutboxModule.forRoot({
          ...OUTBOX,
          relay,
          enableMetrics: true,
          ...(inProcess === null
            ? { kafka: { clientId: 'shop', brokers: [...(brokers ?? [])] } }
            : { publisher: inProcess }),
        }),
        OrdersModule,
        ShippingModule.forRoot(inProcess),
        ObservabilityModule,
      ],
      controllers: [OutboxController],
    };
  }
}
