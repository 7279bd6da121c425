import { InProcessPublisher, type OutboxMessage } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

jest.setTimeout(60_000);

describe('Relays share the lanes', () => {
  let database: TestDatabase;
  let received: OutboxMessage[];
  const apps: OutboxApp[] = [];

  const startRelay = async (): Promise<OutboxApp> => {
    const publisher = new InProcessPublisher();
    publisher.subscribe('items', (message) => void received.push(message));
    const app = await startOutboxApp({ url: database.url, outbox: { publisher, pollIntervalSeconds: 0.05 } });
    apps.push(app);
    return app;
  };
  const stop = async (app: OutboxApp): Promise<void> => {
    apps.splice(apps.indexOf(app), 1);
    await app.close();
  };
  const add = (app: OutboxApp, count: number): Promise<string[]> =>
    app.dataSource.transaction(() =>
      app.outbox.addEvents(Array.from({ length: count }, (_, n) => anEvent({ aggregateId: `item-${String(n)}` }))),
    );
  /** How many lanes each owner has whose lease holds, the most first. */
  const shares = async (): Promise<number[]> => {
    const rows = await database.query<{ n: number }>(
      'select count(*)::int as n from event_outbox_lane where expires_at > clock_timestamp() group by owner order by 1 desc',
    );
    return rows.map(({ n }) => n);
  };
  const shared = (...expected: number[]): Promise<unknown> =>
    eventually(`shares of ${expected.join()}`, async () => (await shares()).join() === expected.join(), {
      seconds: 10,
    });

  beforeEach(async () => {
    database = await createDatabase();
    received = [];
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  it('evenly, as they come and go, and give back nothing that a new one does not need', async () => {
    const first = await startRelay();
    await shared(64);
    const second = await startRelay();
    await shared(32, 32);
    const epochs = await database.query('select lane, epoch::text from event_outbox_lane where epoch = 1');
    expect(epochs).toHaveLength(32);
    const third = await startRelay();
    await shared(22, 21, 21);
    await stop(first);
    await shared(32, 32);
    await stop(third);
    await shared(64);
    await stop(second);
    await shared();
    await expect(database.query('select id from event_outbox_relay')).resolves.toEqual([]);
  });

  it('and deliver each event once, while nothing changes', async () => {
    const relays = [await startRelay(), await startRelay(), await startRelay()];
    await shared(22, 21, 21);
    const ids = (await Promise.all(relays.map((app) => add(app, 200)))).flat();
    await eventually('all to be delivered', async () => (await (relays[0] as OutboxApp).outbox.stats()).pending === 0);
    expect(received.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  it('and lose nothing while relays come and go', async () => {
    const writer = await startOutboxApp({ url: database.url });
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const relay = await startRelay();
      ids.push(...(await add(writer, 100)));
      await startRelay();
      ids.push(...(await add(writer, 100)));
      await stop(relay);
    }
    await eventually('all to be delivered', async () => (await writer.outbox.stats()).pending === 0);
    expect(new Set(received.map(({ id }) => id))).toEqual(new Set(ids));
    await writer.close();
  });

  it('and take those of a relay that has died once its lease is over, and forget it after an hour', async () => {
    const first = await startRelay();
    await shared(64);
    await database.query(`update event_outbox_lane set owner = '00000000-0000-4000-8000-00000000000d', epoch = 9, rewind = true,
                          expires_at = clock_timestamp() + case when lane < 60 then interval '-1 ms' else interval '1 day' end`);
    await database.query(`insert into event_outbox_relay values
                          (gen_random_uuid(), null, clock_timestamp() - interval '61 minutes'),
                          (gen_random_uuid(), null, clock_timestamp() - interval '59 minutes')`);
    await shared(60, 4);
    const rows = await database.query('select distinct epoch::text, rewind from event_outbox_lane where lane < 60');
    expect(rows).toEqual([{ epoch: '10', rewind: false }]);
    await startRelay();
    await shared(32, 28, 4);
    await expect(database.query('select id from event_outbox_relay')).resolves.toHaveLength(3);
    await stop(first);
  });

  it('and take those of a relay whose sign of life is gone at once, but not of one that shows it', async () => {
    const relay = await startRelay();
    await shared(64);
    await stop(relay);
    const [dead, alive] = ['00000000-0000-4000-8000-00000000000d', '00000000-0000-4000-8000-00000000000a'];
    await database.query(`select pg_advisory_lock(${String(0x6f75746c)}, 11)`);
    await database.query(`insert into event_outbox_relay values
                          ('${dead}', 10, clock_timestamp() + interval '1 hour'),
                          ('${alive}', 11, clock_timestamp() + interval '1 hour')`);
    await database.query(`update event_outbox_lane set owner = case when lane < 32 then '${dead}' else '${alive}' end::uuid,
                          expires_at = clock_timestamp() + interval '1 hour'`);
    await startRelay();
    await eventually('the lanes of the dead one to be taken', async () => {
      const rows = await database.query<{ owner: string }>(
        'select distinct owner::text from event_outbox_lane where lane < 32',
      );
      return rows.length === 1 && rows[0]?.owner !== dead;
    });
    expect(await shares()).toEqual([32, 32]);
    await expect(
      database.query(`select distinct owner::text from event_outbox_lane where lane >= 32`),
    ).resolves.toEqual([{ owner: alive }]);
  });
});
