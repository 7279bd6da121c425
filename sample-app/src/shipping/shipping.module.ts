import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { InProcessPublisher } from 'nestjs-outboxed';
import { InProcessRecords } from './in-process-records';
import { OrderRecordsController } from './order-records.controller';
import { OrderRecordsService } from './order-records.service';
import { Shipment } from './shipment.entity';
import { ShipmentsController } from './shipments.controller';
import { ShippingService } from './shipping.service';

@Module({})
export class ShippingModule {
  /** @param publisher where the records come from if there is no Kafka */
  static forRoot(publisher: InProcessPublisher | null): DynamicModule {
    return {
      module: ShippingModule,
      imports: [TypeOrmModule.forFeature([Shipment])],
      controllers: [OrderRecordsController, ShipmentsController],
      providers: [
        ShippingService,
        OrderRecordsService,
        ...(publisher === null ? [] : [{ provide: InProcessPublisher, useValue: publisher }, InProcessRecords]),
      ],
    };
  }
}
