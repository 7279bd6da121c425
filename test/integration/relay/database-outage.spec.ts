import { startPostgres, type DatabasePart } from '../../../tools/parts';
import { InProcessPublisher } from 'nestjs-outboxed';
import { endedAtLast } from '../support/cleanup';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

describe('When the database is away', () => {
  let postgres: DatabasePart;
  let stopPostgres: () => Promise<void>;
  let app: OutboxApp;
  let received: string[];

  beforeEach(async () => {
    postgres = await startPostgres({ own: true, log: () => undefined });
    stopPostgres = endedAtLast(() => postgres.stop());
    received = [];
    const publisher = new InProcessPublisher();
    publisher.subscribe('items', ({ id }) => void received.push(id));
    app = await startOutboxApp({ url: postgres.url, outbox: { publisher, pollIntervalSeconds: 0.1 } });
  });

  afterEach(async () => {
    await app.close();
    await stopPostgres();
  });

  const add = (): Promise<string> => app.dataSource.transaction(() => app.outbox.addEvent(anEvent()));

  it.each(['SIGKILL', 'SIGQUIT'] as const)(
    'ended by %s, the relay goes on by itself when it is back',
    async (signal) => {
      const before = await add();
      await eventually('delivery', () => received.includes(before));
      await postgres.kill(signal);
      await eventually('the interruption to be logged', () => app.logs.some((line) => line.includes('interrupted')));
      await postgres.start();

      const after = await eventually('the database to take an event', add);
      await eventually('delivery', () => received.includes(after));
      await eventually('settling', async () => (await app.outbox.stats()).pending === 0);
      expect(app.logs.filter((line) => line.includes('interrupted'))).toHaveLength(1);
      expect((await app.outbox.getEventById(before))?.attempts).toBe(0);
    },
  );

  it('closing connections again and again, every event is delivered, in order', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 100; n++) {
      if (n % 10 === 5) {
        await app.dataSource
          .query(
            'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
          )
          .catch(() => undefined);
      }
      ids.push(await eventually('the event to be added', add));
    }
    await eventually('settling', async () => (await app.outbox.stats()).pending === 0);
    expect([...new Set(received)]).toEqual(ids);
  });
});
