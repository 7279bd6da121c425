import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { endedAtLast } from './cleanup';

const COMMIT = Buffer.from('COMMIT\0');

/**
 * Stands between an application and PostgreSQL, and passes everything on. When it is told to, it cuts the connection of the next COMMIT, between that
 * and its answer.
 */
export async function proxyThatCutsCommits(target: string): Promise<{ url: string; cutNextCommit: () => void }> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let isToCut = false;
  const proxy = createServer((client) => {
    const server = connect(Number(port), hostname);
    const pair = [client, server];
    let isCutting = false;
    const end = (): void => {
      pair.forEach((socket) => {
        socket.destroy();
        open.delete(socket);
      });
    };
    pair.forEach((socket) => {
      open.add(socket);
      socket.on('error', end).on('close', end);
    });
    client.on('data', (sent) => {
      isCutting = isToCut && sent.includes(COMMIT);
      isToCut &&= !isCutting;
      server.write(sent);
    });
    server.on('data', (answer) => {
      // The answer shows that it has committed.
      if (isCutting) {
        end();
      } else {
        client.write(answer);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  endedAtLast(async () => {
    open.forEach((socket) => socket.destroy());
    proxy.close();
    await once(proxy, 'close');
  });
  const url = new URL(target);
  url.port = String((proxy.address() as { port: number }).port);
  return {
    url: url.href,
    cutNextCommit: () => {
      isToCut = true;
    },
  };
}
