import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { endedAtLast } from './cleanup';

export interface ProxyServer {
  /** The address to use in place of the server's. */
  readonly url: string;
  /** All that are open, of both sides. */
  readonly sockets: ReadonlySet<Socket>;
}

/**
 * Stands between an application and a server, until the end of the test file.
 *
 * @param accept is given each connection, and a function that makes one to the server: when one of the two ends, so does the other
 */
export async function proxyServer(
  target: string,
  accept: (client: Socket, dial: () => Socket) => void,
): Promise<ProxyServer> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    // An error is followed by the end.
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  };
  const proxy = createServer((client) => {
    keep(client);
    accept(client, () => {
      const server = connect(Number(port), hostname);
      keep(server);
      client.on('close', () => server.destroy());
      server.on('close', () => client.destroy());
      return server;
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  endedAtLast(async () => {
    sockets.forEach((socket) => socket.destroy());
    proxy.close();
    await once(proxy, 'close');
  });
  const url = new URL(target);
  url.port = String((proxy.address() as { port: number }).port);
  return { url: url.href, sockets };
}
