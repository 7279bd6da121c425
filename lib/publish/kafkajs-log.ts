import type { Logger } from '@nestjs/common';
import type { logCreator } from 'kafkajs';

/**
 * Puts what kafkajs logs under Nest's logger at the level `debug`: it reports each failed try as an error, while the relay reports an
 * outage once.
 */
export function kafkajsLog(logger: Logger): logCreator {
  return () =>
    ({ namespace, log }) => {
      logger.debug(`kafkajs ${namespace}: ${log.message}`);
    };
}
