import { OutboxDeadLetters } from 'nestjs-outboxed';
import { laneOf } from '../../../lib/store/ordering-key';
import { addAll, keysBeside } from '../support/backlog';
import { createDatabase, type TestDatabase } from '../support/database';
import { addDeadLetter } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';
import { RecordingPublisher } from '../support/recording-publisher';

/** A relay that knows of nothing that waits asks a simpler question: it must not believe so without having looked everywhere. */
describe('A key that is held by a failing event stays held', () => {
  let database: TestDatabase;
  let writer: OutboxApp;
  const apps: OutboxApp[] = [];

  /** It looks for what waits at each poll, and only then: a poll is rarer than that, and the pool too small to be woken by others. */
  const startRelay = async (publisher: RecordingPublisher): Promise<OutboxApp> => {
    const app = await startOutboxApp({
      url: database.url,
      outbox: { publisher, pollIntervalSeconds: 1.5, errorRetryIntervalSeconds: 3600, shutdownSeconds: 0 },
      typeorm: { extra: { max: 3 } },
    });
    apps.push(app);
    return app;
  };

  beforeEach(async () => {
    database = await createDatabase();
    writer = await startOutboxApp({ url: database.url });
    apps.push(writer);
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await database.drop();
  });

  /** Events of `keys`, each with one behind it, of which the first is refused. */
  const fail = async (publisher: RecordingPublisher, keys: readonly string[]): Promise<void> => {
    publisher.refuses = ({ value }) => value === '"bad"';
    await addAll(
      writer,
      keys.map((eventKey) => ({ eventKey, eventData: 'bad' })),
    );
    await eventually('the refusals', async () => (await writer.outbox.stats()).failing === keys.length);
    await addAll(
      writer,
      keys.map((eventKey) => ({ eventKey, eventData: 'behind' })),
    );
  };

  it('when an operator lets another key of its lane go', async () => {
    const publisher = new RecordingPublisher();
    await startRelay(publisher);
    const dead = await addDeadLetter(database, { eventKey: 'held', holdsKey: true });
    const [failing, free] = keysBeside('held', 2, 'in its lane') as [string, string];
    await fail(publisher, [failing]);
    const [parked] = await addAll(writer, [{ eventKey: 'held', eventData: 'parked' }]);
    const deadLetters = writer.module.get(OutboxDeadLetters);
    for (let round = 0; round < 3; round++) {
      await deadLetters.replay(dead);
      await eventually('the replayed one', () => publisher.ids.filter((id) => id === dead).length === round + 1);
      await database.query('delete from event_outbox where id = $1', [dead]);
      await addDeadLetter(database, { id: dead, eventKey: 'held', holdsKey: true });
      const [other] = await addAll(writer, [{ eventKey: free }]);
      await eventually('a free key of the lane', () => publisher.ids.includes(other!));
    }
    expect(publisher.ids).toContain(parked);
    expect(publisher.idsOf(failing)).toEqual([]);
  });

  it('when its lane is taken over while the new owner looks at others', async () => {
    const byFirst = new RecordingPublisher();
    const first = await startRelay(byFirst);
    const bySecond = new RecordingPublisher();
    await startRelay(bySecond);
    const lanesByOwner = (): Promise<{ owner: string; lanes: number[] }[]> =>
      database.query(
        `select owner, array_agg(lane::int order by lane) as lanes from event_outbox_lane where expires_at > clock_timestamp() group by owner`,
      );
    const lanesOfFirst = await eventually('the lanes to be shared', async () => {
      const shares = await lanesByOwner();
      if (shares.length !== 2 || shares.some(({ lanes }) => lanes.length !== 32)) {
        return false;
      }
      // Whose are whose is told by who gets an event.
      const probe = Array.from({ length: 500 }, (_, n) => `probe-${n}`).find((key) =>
        shares[0]!.lanes.includes(laneOf(key)),
      )!;
      const [id] = await addAll(writer, [{ eventKey: probe }]);
      await eventually('the probe', () => byFirst.ids.includes(id!) || bySecond.ids.includes(id!));
      return shares[byFirst.ids.includes(id!) ? 0 : 1]!.lanes;
    });
    const keys = Array.from({ length: 200 }, (_, n) => `key-${n}`).filter((key) => lanesOfFirst.includes(laneOf(key)));
    await fail(byFirst, keys);

    // Holds up whoever reads events, and not who takes lanes.
    await database.query('begin');
    await database.query('lock table event_outbox in access exclusive mode');
    await eventually('both to wait with their look for events', async () => {
      const [row] = await writer.dataSource.query<{ n: number }[]>(
        `select count(*)::int as n from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '%outbox: fetch%'`,
      );
      return row?.n === 2;
    });
    apps.splice(apps.indexOf(first), 1);
    const closing = first.close();
    await eventually('the second to own all lanes', async () => {
      const rows = await writer.dataSource.query<{ n: number }[]>(
        `select count(*)::int as n from event_outbox_lane where expires_at > clock_timestamp() group by owner`,
      );
      return rows.length === 1 && rows[0]?.n === 64;
    });
    await database.query('commit');
    await closing;
    for (let round = 0; round < 3; round++) {
      const others = await addAll(
        writer,
        keys.map((key) => ({ eventKey: `other-${key}` })),
      );
      await eventually('other keys', () => others.every((id) => bySecond.ids.includes(id)));
    }
    expect(keys.flatMap((key) => [...byFirst.idsOf(key), ...bySecond.idsOf(key)])).toEqual([]);
  });
});
