import { connect } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

/** For kafkajs' option of that name: whatever address a broker advertises, it is reached through the proxy. */
export function throughProxy(port: number): ISocketFactory {
  return ({ onConnect }) => connect(port, '127.0.0.1', onConnect).setNoDelay(true);
}
