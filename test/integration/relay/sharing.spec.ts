import { eventually } from '../support/eventually';
import { Relays } from '../support/relays';

const outbox = { pollIntervalSeconds: 0.05 };
const DEAD = '00000000-0000-4000-8000-00000000000d';
const ALIVE = '00000000-0000-4000-8000-00000000000a';

describe('Relays share the lanes', () => {
  let relays: Relays;

  beforeEach(async () => {
    relays = await Relays.onNewDatabase();
  });
  afterEach(() => relays.end());

  it('evenly, as they come and go, and give back nothing that a new one does not need', async () => {
    const first = await relays.start(outbox);
    await relays.shared([64]);
    const second = await relays.start(outbox);
    await relays.shared([32, 32]);
    const epochs = await relays.database.query('select lane, epoch::text from event_outbox_lane where epoch = 1');
    expect(epochs).toHaveLength(32);
    const third = await relays.start(outbox);
    await relays.shared([22, 21, 21]);
    await relays.stop(first);
    await relays.shared([32, 32]);
    await relays.stop(third);
    await relays.shared([64]);
    await relays.stop(second);
    await relays.shared([]);
    await expect(relays.database.query('select id from event_outbox_relay')).resolves.toEqual([]);
  });

  it('and deliver each event once, while nothing changes', async () => {
    const apps = [await relays.start(outbox), await relays.start(outbox), await relays.start(outbox)];
    await relays.shared([22, 21, 21]);
    const ids = (await Promise.all(apps.map((app) => relays.add(app, 200)))).flat();
    await relays.delivered(ids);
    await eventually('all to be settled', async () => (await apps[0]?.outbox.stats())?.pending === 0);
    expect(relays.received.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  it('and lose nothing while relays come and go', async () => {
    const writer = await relays.start({ relay: false });
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const relay = await relays.start(outbox);
      ids.push(...(await relays.add(writer, 100)));
      await relays.start(outbox);
      ids.push(...(await relays.add(writer, 100)));
      await relays.stop(relay);
    }
    await relays.delivered(ids);
  });

  it('and take those of a relay that has died once its lease is over, and forget it after an hour', async () => {
    await relays.start(outbox);
    await relays.shared([64]);
    await relays.database.query(
      `update event_outbox_lane set owner = $1, epoch = 9,
         expires_at = clock_timestamp() + case when lane < 60 then interval '-1 ms' else interval '1 day' end`,
      [DEAD],
    );
    await relays.database.query(`insert into event_outbox_relay values
                                 (gen_random_uuid(), null, clock_timestamp() - interval '61 minutes'),
                                 (gen_random_uuid(), null, clock_timestamp() - interval '59 minutes')`);
    await relays.shared([60, 4]);
    const rows = await relays.database.query('select distinct epoch::text from event_outbox_lane where lane < 60');
    expect(rows).toEqual([{ epoch: '10' }]);
    await relays.start(outbox);
    await relays.shared([32, 28, 4]);
    await expect(relays.database.query('select id from event_outbox_relay')).resolves.toHaveLength(3);
  });

  it('and take those of a relay whose sign of life is gone at once, but not of one that shows it', async () => {
    await relays.stop(await relays.start(outbox));
    await relays.database.query(`select pg_advisory_lock(${String(0x6f75746c)}, 11)`);
    await relays.database.query(
      `insert into event_outbox_relay values ($1, 10, clock_timestamp() + interval '1 hour'),
                                             ($2, 11, clock_timestamp() + interval '1 hour')`,
      [DEAD, ALIVE],
    );
    await relays.database.query(
      `insert into event_outbox_lane (lane, owner, epoch, expires_at)
       select lane, case when lane < 32 then $1 else $2 end::uuid, 1, clock_timestamp() + interval '1 hour'
       from generate_series(0, 63) lane
       on conflict (lane) do update set owner = excluded.owner, expires_at = excluded.expires_at`,
      [DEAD, ALIVE],
    );
    await relays.start(outbox);
    await eventually('the lanes of the dead one to be taken', async () => {
      const rows = await relays.database.query<{ owner: string }>(
        'select distinct owner::text from event_outbox_lane where lane < 32',
      );
      return rows.length === 1 && rows[0]?.owner !== DEAD;
    });
    expect(await relays.shares()).toEqual([32, 32]);
    await expect(
      relays.database.query('select distinct owner::text from event_outbox_lane where lane >= 32'),
    ).resolves.toEqual([{ owner: ALIVE }]);
  });

  it('and leave a lane for later that a settling of its former owner has locked, and no other with it', async () => {
    const writer = await relays.start({ relay: false });
    await relays.database.query(
      `insert into event_outbox_lane select lane, $1, 1, '-infinity' from generate_series(0, 63) lane`,
      [DEAD],
    );
    await relays.database.query('begin');
    await relays.database.query('select from event_outbox_lane where lane = 40 for share');
    await relays.start(outbox);
    await eventually('all other lanes to be taken', async () => {
      const left = await writer.dataSource.query<{ lane: number }[]>(
        `select lane from event_outbox_lane where owner = '${DEAD}'`,
      );
      return left.length === 1 && left[0]?.lane === 40;
    });
    await relays.database.query('commit');
    await relays.shared([64]);
  });
});
