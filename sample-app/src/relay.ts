import { NestFactory } from '@nestjs/core';
import { readRelayConfig, type RelayConfig } from './config/shop-config';
import { RelayModule } from './relay.module';
import { ShopLogger } from './shop-logger';
import { startUpMessage } from './start-up-message';

/** Delivers the shop's events in a process of its own, without HTTP; the shop beside it only writes them (SHOP_RELAY=false). */
async function relay(config: RelayConfig): Promise<void> {
  const app = await NestFactory.createApplicationContext(RelayModule.forRoot(config), {
    // As in main.ts: a failed start throws, and the message below says more than what was logged until then.
    abortOnError: false,
    bufferLogs: true,
    autoFlushLogs: false,
    logger: new ShopLogger(),
  });
  // Ctrl-C and SIGTERM: what is in flight is settled, another relay may take over at once, and the exit code is 0.
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  app.flushLogs();
  process.stdout.write(`The relay delivers to ${config.brokers.join(', ')}\n`);
}

Promise.resolve()
  .then(() => relay(readRelayConfig(process.env)))
  .catch((error: unknown) => {
    process.stderr.write(`${startUpMessage(error, 'relay')}\n`);
    process.exit(1);
  });
