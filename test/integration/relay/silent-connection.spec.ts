import { InProcessPublisher } from 'nestjs-outboxed';
import type { QueryRunner } from 'typeorm';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { proxyTo, type SilentProxy } from '../support/silent-proxy';

describe('A database connection that falls silent without an end', () => {
  let database: TestDatabase;
  let proxy: SilentProxy;
  let writer: OutboxApp;
  let relay: OutboxApp;
  let received: string[];

  beforeEach(async () => {
    database = await createDatabase();
    proxy = await proxyTo(database.url);
    const publisher = new InProcessPublisher();
    received = [];
    publisher.subscribe('items', ({ id }) => void received.push(id));
    relay = await startOutboxApp({
      url: proxy.url,
      outbox: { publisher, pollIntervalSeconds: 0.1 },
      typeorm: { poolSize: 4 },
    });
    writer = await startOutboxApp({ url: database.url });
    await isDelivered(await written());
  });

  afterEach(async () => {
    await relay.close();
    await writer.close();
    await database.drop();
  });

  const written = (): Promise<string> => writer.dataSource.transaction(() => writer.outbox.addEvent(anEvent()));
  const isDelivered = (id: string): Promise<unknown> =>
    eventually('delivery', () => received.includes(id), { seconds: 100 });

  it('holds the relay up for a limited time only', async () => {
    proxy.silence();
    // Each of the pool's connections is given up after 15 s.
    await isDelivered(await written());
  });

  it('does not keep a place of the pool where it is silent from the beginning', async () => {
    proxy.takeCallsOnly();
    await proxy.called(4);
    proxy.heal();
    await isDelivered(await written());
  });

  it('does not keep the application from ending where it is silent from the beginning', async () => {
    proxy.takeCallsOnly();
    await proxy.called(1);
    await relay.close();
  });

  it.each([
    ['between two statements', (): undefined => undefined],
    ['in a statement', (runner: QueryRunner): Promise<unknown> => runner.query('select pg_sleep(600)')],
  ])('does not keep it from ending where a transaction of its own is open %s', async (_where, run) => {
    const runner = relay.dataSource.createQueryRunner();
    await runner.startTransaction();
    const ended = Promise.allSettled([run(runner)]);
    proxy.silence();
    await relay.close();
    await ended;
  });
});
