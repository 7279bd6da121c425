import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module';
import type { ShopConfig } from './config/shop-config';
import { PatientKafkaServer } from './kafka/patient-kafka.server';
import { ORDERS_PARTITIONS, ORDERS_TOPIC } from './orders/order-events';
import { ShopLogger } from './shop-logger';

/** The whole shop, not yet listening. */
export async function createShop(config: ShopConfig): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config), {
    // A failed start throws, and what was logged until then is not shown: the message that is printed then says more than Nest's stack.
    abortOnError: false,
    bufferLogs: true,
    autoFlushLogs: false,
    logger: new ShopLogger(),
  });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  if (config.brokers !== null) {
    app.connectMicroservice<MicroserviceOptions & { autoFlushLogs: boolean }>({
      autoFlushLogs: false,
      strategy: new PatientKafkaServer({
        clientId: 'shipping',
        brokers: config.brokers,
        groupId: 'shipping',
        topic: ORDERS_TOPIC,
        partitions: ORDERS_PARTITIONS,
      }),
    });
  }
  return app;
}
