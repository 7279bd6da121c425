import { eventually } from '../support/eventually';
import { Relays } from '../support/relays';
import { RelayProcess } from '../support/relay-process';

const outbox = { pollIntervalSeconds: 0.2, leaseSeconds: 600 };

describe('The sign of life of a relay', () => {
  let relays: Relays;

  beforeEach(async () => {
    relays = await Relays.onNewDatabase();
  });
  afterEach(() => relays.end());

  it('is gone when its process is killed, and another relay takes over long before the lease is over', async () => {
    const writer = await relays.start({ relay: false });
    const victim = await RelayProcess.start({ url: relays.database.url, brokers: null, outbox });
    await relays.listening(1);
    await relays.shared([64]);
    await relays.start(outbox);
    await relays.shared([32, 32]);
    await victim.kill('SIGKILL');
    const ids = await relays.add(writer, 100);
    await relays.shared([64]);
    await eventually('all to be delivered', async () => (await writer.outbox.stats()).pending === 0);
    const byVictim = await victim.output();
    const byOther = new Set(relays.received.map(({ id }) => id));
    expect(ids.filter((id) => !byOther.has(id) && !byVictim.includes(id))).toEqual([]);
  });

  it('comes back when its connection was closed, and nothing is lost', async () => {
    const first = await relays.start(outbox);
    const second = await relays.start(outbox);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const pids = await relays.listening(2);
      await relays.database.query('select pg_terminate_backend($1)', [pids[n % 2]]);
      ids.push(...(await relays.add(first, 50)));
      await eventually('another connection', async () => {
        const now = await relays.listeners();
        return now.length === 2 && !now.includes(pids[n % 2] as number);
      });
    }
    await relays.delivered(ids);
    await relays.shared([32, 32]);
    expect(second.logs.filter((line) => line.includes('polls only'))).toEqual([]);
  });

  it('is heard again after its connection was closed', async () => {
    await relays.start({ pollIntervalSeconds: 3600, leaseSeconds: 600 });
    const writer = await relays.start({ relay: false });
    const [before] = await relays.listening(1);
    await relays.shared([64]);
    await relays.database.query('select pg_terminate_backend($1)', [before]);
    await eventually('another connection', async () => {
      const [now] = await relays.listeners();
      return now !== undefined && now !== before;
    });
    await relays.delivered(await relays.add(writer, 1));
  });

  it('leaves no connection, no lock and no row behind when the application closes', async () => {
    const app = await relays.start(outbox);
    const [pid] = await relays.listening(1);
    await relays.stop(app);
    await expect(relays.database.query('select id from event_outbox_relay')).resolves.toEqual([]);
    await eventually('its connections to be gone', async () => {
      const rows = await relays.database.query(
        'select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      );
      return rows.length === 0;
    });
    await expect(relays.database.query('select pid from pg_locks where pid = $1', [pid])).resolves.toEqual([]);
  });

  it('is not begun where the application closes at once', async () => {
    const app = await relays.start(outbox);
    await relays.stop(app);
    await expect(relays.database.query('select id from event_outbox_relay')).resolves.toEqual([]);
  });
});
