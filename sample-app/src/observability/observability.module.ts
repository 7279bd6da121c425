import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { OutboxHealthIndicator } from 'nestjs-outboxed/health';
import { OrdersController } from '../orders/orders.controller';
import { HealthController } from './health.controller';
import { TraceRequests } from './trace-requests.middleware';

/** GET /metrics and GET /health, and traces that begin with the requests for orders. */
@Module({
  imports: [PrometheusModule.register(), TerminusModule],
  controllers: [HealthController],
  providers: [OutboxHealthIndicator],
})
export class ObservabilityModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(TraceRequests).forRoutes(OrdersController);
  }
}
