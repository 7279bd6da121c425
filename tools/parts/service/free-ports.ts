import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { EndedEarlyError } from '../errors';

const HOST = '127.0.0.1';
const ATTEMPTS = 5;
const PORT_TAKEN = /address already in use|failed to bind|BindException/i;

/** Ports nobody listens on, all different: chosen by the system, so that two runs on one machine do not meet. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Between being found free and being used, a port can be taken by somebody else: then it goes again with others. */
export async function withFreePorts<T>(
  count: number,
  use: (ports: number[]) => Promise<T>,
  find: (count: number) => Promise<number[]> = freePorts,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const ports = await find(count);
    try {
      return await use(ports);
    } catch (error) {
      if (attempt === ATTEMPTS || !saysPortTaken(error)) throw error;
    }
  }
}

function saysPortTaken(error: unknown): boolean {
  return error instanceof EndedEarlyError && PORT_TAKEN.test(error.output);
}
