import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CreditAccount } from './credit/credit-account.entity';
import { CreditEntry } from './credit/credit-entry.entity';
import { CreditService } from './credit/credit.service';
import { Order } from './order.entity';
import { OrdersController } from './orders.controller';
import { OrdersService } from './orders.service';

@Module({
  imports: [TypeOrmModule.forFeature([Order, CreditAccount, CreditEntry])],
  controllers: [OrdersController],
  providers: [OrdersService, CreditService],
})
export class OrdersModule {}
