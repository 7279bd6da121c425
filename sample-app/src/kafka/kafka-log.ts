import { Logger } from '@nestjs/common';
import type { logCreator } from 'kafkajs';

/** kafkajs reports each failed try as an error. Here they are details; changes of state are reported by the server, once each. */
export const kafkaLog: logCreator = () => {
  const logger = new Logger('Kafka');
  return ({ namespace, log }) => {
    logger.debug(`${namespace}: ${log.message}`);
  };
};
