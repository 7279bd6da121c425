import { Module, type DynamicModule } from '@nestjs/common';
import { OutboxModule } from 'nestjs-outboxed';
import type { RelayConfig } from './config/shop-config';
import { DatabaseModule } from './database/database.module';
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
    };
  }
}
