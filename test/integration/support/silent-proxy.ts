import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { endedAtLast } from './cleanup';
import { eventually } from './eventually';

export interface SilentProxy {
  readonly url: string;
  /** Present connections stay open, but nothing comes through any more. New ones work. */
  silence(): void;
  /** Ends the present connections, and takes new ones without passing anything on, until {@link SilentProxy.heal}. */
  takeCallsOnly(): void;
  /** New connections work again; those that were taken meanwhile stay silent. */
  heal(): void;
  /** Waits until so many connections were taken since {@link SilentProxy.takeCallsOnly}. */
  called(times: number): Promise<unknown>;
}

/** Passes bytes on to a server until told not to. */
export async function proxyTo(target: URL): Promise<SilentProxy> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  };
  let takesCallsOnly = false;
  let calls = 0;
  const proxy = createServer((client) => {
    keep(client);
    if (takesCallsOnly) {
      calls++;
      client.resume();
      return;
    }
    const server = connect(Number(target.port), target.hostname);
    keep(server);
    client.pipe(server).pipe(client);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  endedAtLast(async () => {
    cut();
    proxy.close();
    await once(proxy, 'close');
  });
  const url = new URL(target);
  url.port = String((proxy.address() as { port: number }).port);
  return {
    url: url.href,
    silence: () => sockets.forEach((socket) => socket.unpipe().resume()),
    takeCallsOnly: () => {
      takesCallsOnly = true;
      calls = 0;
      cut();
    },
    heal: () => {
      takesCallsOnly = false;
    },
    called: (times) => eventually(`${times} calls`, () => calls >= times),
  };
}
