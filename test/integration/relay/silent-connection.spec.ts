import { createServer, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { InProcessPublisher } from 'nestjs-outboxed';
import { createDatabase } from '../support/database';
import { endedAtLast } from '../support/cleanup';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp } from '../support/outbox-app';

/** Passes bytes on, until its present connections fall silent: they stay open, but nothing comes through. New ones work. */
async function proxyTo(target: URL): Promise<{ url: string; silence: () => void }> {
  const pairs: { client: Socket; server: Socket }[] = [];
  const proxy = createServer((client) => {
    const server = connect(Number(target.port), target.hostname);
    client.pipe(server).pipe(client);
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
    pairs.push({ client, server });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  endedAtLast(async () => {
    pairs.forEach(({ client, server }) => {
      client.destroy();
      server.destroy();
    });
    proxy.close();
    await once(proxy, 'close');
  });
  const url = new URL(target);
  url.port = String((proxy.address() as { port: number }).port);
  return {
    url: url.href,
    silence: () => {
      for (const { client, server } of pairs) {
        client.unpipe();
        server.unpipe();
        client.resume();
        server.resume();
      }
    },
  };
}

describe('A database connection that falls silent without an end', () => {
  it('holds the relay up for a limited time only', async () => {
    const database = await createDatabase();
    const proxy = await proxyTo(new URL(database.url));
    const publisher = new InProcessPublisher();
    const received: string[] = [];
    publisher.subscribe('items', ({ id }) => void received.push(id));
    const relay = await startOutboxApp({ url: proxy.url, outbox: { publisher, pollIntervalSeconds: 0.1 } });
    const writer = await startOutboxApp({ url: database.url });
    const before = await writer.dataSource.transaction(() => writer.outbox.addEvent(anEvent()));
    await eventually('delivery', () => received.includes(before));

    proxy.silence();
    const after = await writer.dataSource.transaction(() => writer.outbox.addEvent(anEvent()));
    // Each of the pool's connections is given up after 15 s.
    await eventually('delivery on another connection', () => received.includes(after), { seconds: 100 });
    await relay.close();
    await writer.close();
    await database.drop();
  });
});
