import { Controller, Get, Query } from '@nestjs/common';
import { IsNotEmpty, IsString } from 'class-validator';
import type { Shipment } from './shipment.entity';
import { ShippingService, type ShippingStats } from './shipping.service';

class ShipmentsQueryDto {
  @IsString()
  @IsNotEmpty()
  customerId!: string;
}

@Controller('shipments')
export class ShipmentsController {
  constructor(private readonly shipping: ShippingService) {}

  @Get()
  ofCustomer(@Query() { customerId }: ShipmentsQueryDto): Promise<Shipment[]> {
    return this.shipping.ofCustomer(customerId);
  }

  @Get('stats')
  stats(): Promise<ShippingStats> {
    return this.shipping.stats();
  }
}
