import { notify } from '../../../lib/store/notify';
import { eventually } from '../support/eventually';
import { Relays } from '../support/relays';

jest.mock('../../../lib/store/notify');
const notifying = jest.mocked(notify);

describe('A relay that cannot be notified', () => {
  let relays: Relays;

  beforeEach(async () => {
    jest.resetAllMocks();
    notifying.mockResolvedValue();
    relays = await Relays.onNewDatabase();
  });
  afterEach(() => relays.end());

  // Nest hands all logs to the application that was started last.
  const polls = (logs: readonly string[]): string[] => logs.filter((line) => line.includes('polls only'));

  it('since notifications are swallowed, as by a pooler, says so once, and delivers by polling', async () => {
    const writer = await relays.start({ relay: false });
    const app = await relays.start({ pollIntervalSeconds: 0.05 });
    await eventually('it to say so', () => polls(app.logs).length > 0);
    expect(polls(app.logs)[0]).toContain('notifications do not arrive');
    await relays.delivered(await relays.add(writer, 10));
    await expect(relays.database.query('select life_lock from event_outbox_relay')).resolves.toEqual([
      { life_lock: null },
    ]);
    // Of this database alone: the suites share a server. The server may learn of the end of the connection a moment later.
    const listening = `select pid from pg_stat_activity where datname = current_database() and query ilike 'listen %'`;
    await eventually('the end of the listening', async () => (await relays.database.query(listening)).length === 0);
    await relays.stop(app);
    expect(polls(app.logs)).toHaveLength(1);
  });

  it('since its pool is too small, says so once, and delivers by polling', async () => {
    const writer = await relays.start({ relay: false });
    const app = await relays.start({ pollIntervalSeconds: 0.05 }, { extra: { max: 2 } });
    await relays.delivered(await relays.add(writer, 10));
    await relays.stop(app);
    expect(polls(app.logs)).toEqual([expect.stringContaining('poolSize 2, needed 4')]);
  });

  it('as notifying fails, hinders nobody', async () => {
    notifying.mockRejectedValue(new Error('no database'));
    const writer = await relays.start({ relay: false });
    const app = await relays.start({ pollIntervalSeconds: 0.05 });
    await relays.delivered(await relays.add(writer, 10));
    expect(polls(app.logs)).toEqual([]);
  });
});
