import type { AddressInfo } from 'node:net';
import { readConfig, type ShopConfig } from './config/shop-config';
import { createShop } from './create-shop';
import { startUpMessage } from './start-up-message';

async function serve(config: ShopConfig): Promise<void> {
  const app = await createShop(config);
  // Ctrl-C and SIGTERM: requests end, the relay settles what is in flight, connections close, and the exit code is 0.
  app.enableShutdownHooks(undefined, { useProcessExit: true });
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
