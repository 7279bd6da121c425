import type { AddressInfo } from 'node:net';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { AppModule } from './app.module';
import { readConfig, type ShopConfig } from './config/shop-config';
import { PatientKafkaServer } from './kafka/patient-kafka.server';
import { ORDERS_PARTITIONS, ORDERS_TOPIC } from './orders/order-events';
import { ShopLogger } from './shop-logger';
import { startUpMessage } from './start-up-message';

async function serve(config: ShopConfig): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config), {
    // A failed start throws, and what was logged until then is not shown: the message below says more than Nest's stack.
    abortOnError: false,
    bufferLogs: true,
    autoFlushLogs: false,
    logger: new ShopLogger(),
  });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  // Ctrl-C and SIGTERM: requests end, the relay settles what is in flight, connections close, and the exit code is 0.
  app.enableShutdownHooks(undefined, { useProcessExit: true });
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
  try {
    await app.startAllMicroservices();
    await app.listen(config.port);
  } catch (error) {
    await app.close();
    throw error;
  }
  app.flushLogs();
  const { port } = app.getHttpServer().address() as AddressInfo;
  process.stdout.write(`The shop serves http://localhost:${port}\n`);
  if (config.brokers === null) {
    process.stderr.write(
      'There is no Kafka (KAFKA_BROKERS=none): events reach shipping inside this process, and nobody else.\n' +
        'For the real thing start a broker and set KAFKA_BROKERS to its host:port.\n',
    );
  }
}

let port = 0;
Promise.resolve()
  .then(() => readConfig(process.env))
  .then((config) => {
    port = config.port;
    return serve(config);
  })
  .catch((error: unknown) => {
    process.stderr.write(`${startUpMessage(error, 'shop', port)}\n`);
    process.exit(1);
  });
