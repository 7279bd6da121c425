import { randomUUID } from 'node:crypto';
import { OutboxArgumentInvalidError, OutboxEventIdTakenError, OutboxEventInvalidError } from 'nestjs-outboxed';
import { createDatabase, type TestDatabase } from '../support/database';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

describe('Adding events', () => {
  let database: TestDatabase;
  let app: OutboxApp;

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({ url: database.url, typeorm: { extra: { max: 16 } } });
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const inTransaction = <T>(work: () => Promise<T>): Promise<T> => app.dataSource.transaction(work);

  it('stores every field, and the ordering key is the aggregate id where none is given', async () => {
    const [plain, full] = await inTransaction(() =>
      app.outbox.addEvents([
        anEvent({ aggregateId: 'a-1' }),
        anEvent({
          aggregateId: 'a-2',
          eventKey: 'k-2',
          headers: { tenant: 'ä' },
          id: '0198C0DE-0000-7000-8000-00000000000A',
        }),
      ]),
    );
    expect(await app.outbox.getEventById(plain!)).toMatchObject({
      aggregateId: 'a-1',
      eventKey: 'a-1',
      headers: null,
      attempts: 0,
    });
    expect(full).toBe('0198c0de-0000-7000-8000-00000000000a');
    expect(await app.outbox.getEventById(full!)).toMatchObject({
      aggregateType: 'item',
      aggregateId: 'a-2',
      eventType: 'ItemChanged',
      topic: 'items',
      eventKey: 'k-2',
      eventData: { n: 1 },
      headers: { tenant: 'ä' },
      publishedAt: null,
      retryAt: null,
      lastError: null,
    });
  });

  it('keeps the text of the data as it was when the event was added', async () => {
    const data = { z: 1, a: [1.5, 'x\u0000y', '𝄞', '\ud800'], nested: { empty: {} } };
    const text = JSON.stringify(data);
    const added = inTransaction(async () => {
      const adding = app.outbox.addEvent(anEvent({ eventData: data }));
      data.z = 2;
      return adding;
    });
    const [row] = await database.query<{ text: string }>(
      'select event_data::text as text from event_outbox where id = $1',
      [await added],
    );
    expect(row?.text).toBe(text);
  });

  it('returns the ids in the order of the events, which is their order in the outbox', async () => {
    const ids = await inTransaction(() =>
      app.outbox.addEvents(
        Array.from({ length: 500 }, (_, n) => anEvent({ aggregateId: `many-${String(n % 13)}`, eventData: n })),
      ),
    );
    const rows = await database.query<{ id: string; n: string }>(
      `select id, event_data::text as n from event_outbox where id = any ($1) order by seq`,
      [ids],
    );
    expect(rows.map(({ id }) => id)).toEqual(ids);
    expect(rows.map(({ n }) => Number(n))).toEqual(ids.map((_, n) => n));
  });

  it('of one key from many clients: the order of seq is the order of commits', async () => {
    // Each transaction notes a number drawn after its event was added and just before it commits: whoever added later committed later.
    await database.query('create sequence commit_order');
    await Promise.all(
      Array.from({ length: 16 }, async (_, client) => {
        for (let n = 0; n < 25; n++) {
          await inTransaction(async () => {
            const key = `ordered-${String((client + n) % 3)}`;
            await app.dataSource.query('select pg_sleep(random() * 0.002)');
            const events =
              n % 2 === 0
                ? [anEvent({ aggregateId: key })]
                : [anEvent({ aggregateId: key }), anEvent({ aggregateId: key })];
            const ids = await app.outbox.addEvents(events);
            await app.dataSource.query('select pg_sleep(random() * 0.002)');
            await app.dataSource.query(
              `update event_outbox set traceparent = nextval('commit_order')::text where id = any ($1)`,
              [ids],
            );
          });
        }
      }),
    );
    const rows = await database.query<{ key: string; numbers: number[] }>(
      `select event_key as key, array_agg(traceparent::int order by seq) as numbers
       from event_outbox where event_key like 'ordered-%' group by event_key`,
    );
    expect(rows).toHaveLength(3);
    for (const { numbers } of rows) {
      expect(numbers.length).toBeGreaterThan(100);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });

  it('with keys in opposite orders does not deadlock, within one addEvents', async () => {
    const keys = Array.from({ length: 20 }, () => randomUUID());
    const rounds = Array.from({ length: 40 }, (_, round) =>
      inTransaction(() =>
        app.outbox.addEvents(
          (round % 2 === 0 ? keys : [...keys].reverse()).map((aggregateId) => anEvent({ aggregateId })),
        ),
      ),
    );
    await expect(Promise.all(rounds)).resolves.toHaveLength(40);
  });

  it('that are wrong is refused before any statement, and the transaction can go on', async () => {
    const id = await inTransaction(async () => {
      await expect(
        app.outbox.addEvents([anEvent({ topic: '' }), anEvent({ aggregateId: 'x'.repeat(256) })]),
      ).rejects.toThrow(OutboxEventInvalidError);
      return app.outbox.addEvent(anEvent());
    });
    expect(await app.outbox.getEventById(id)).not.toBeNull();
  });

  it('takes the longest values that it promises to take', async () => {
    const longest = {
      aggregateType: '𝄞'.repeat(100),
      aggregateId: '𝄞'.repeat(255),
      eventType: 'ü'.repeat(255),
      eventKey: '𝄞'.repeat(255),
      topic: 't'.repeat(249),
    };
    const id = await inTransaction(() => app.outbox.addEvent(anEvent(longest)));
    expect(await app.outbox.getEventById(id)).toMatchObject(longest);
  });

  it('with an id that is taken explains itself', async () => {
    const id = randomUUID();
    await inTransaction(() => app.outbox.addEvent(anEvent({ id })));
    const again = inTransaction(() => app.outbox.addEvent(anEvent({ id })));
    await expect(again).rejects.toBeInstanceOf(OutboxEventIdTakenError);
    await expect(again).rejects.toThrow(id);
  });

  it('is seen by getUnpublishedEvents, oldest first and limited, and by stats', async () => {
    const events = await app.outbox.getUnpublishedEvents(3);
    expect(events).toHaveLength(3);
    const seqs = events.map(({ seq }) => BigInt(seq));
    expect(seqs).toEqual([...seqs].sort((a, b) => Number(a - b)));
    const stats = await app.outbox.stats();
    expect(stats).toMatchObject({ published: 0, failing: 0 });
    expect(stats.pending).toBeGreaterThan(500);
    expect(stats.oldestPendingSeconds).toBeGreaterThan(0);
  });

  it('can be looked up only with sensible arguments', async () => {
    await expect(app.outbox.getEventById('7')).rejects.toBeInstanceOf(OutboxArgumentInvalidError);
    await expect(app.outbox.getUnpublishedEvents(0)).rejects.toBeInstanceOf(OutboxArgumentInvalidError);
    expect(await app.outbox.getEventById(randomUUID())).toBeNull();
  });
});
