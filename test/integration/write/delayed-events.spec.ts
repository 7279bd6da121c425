import { Injectable } from '@nestjs/common';
import { Outboxed } from 'nestjs-outboxed';
import { types } from 'pg';
import { createDatabase, type TestDatabase } from '../support/database';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

const { TIMESTAMPTZ } = types.builtins;

@Injectable()
class Reminders {
  @Outboxed({
    topic: 'reminders',
    aggregateType: 'reminder',
    eventType: 'ReminderDue',
    aggregateId: (id: string) => id,
    availableAt: (_id: string, _given: string, due: Date | undefined) => due,
  })
  async plan(id: string, _due: Date | undefined): Promise<string> {
    return Promise.resolve(id);
  }
}

interface Stored {
  readonly available_at: string | null;
  readonly retry_at: string | null;
  readonly attempts: number;
}

describe.each([
  ['prepared', true],
  ['plain', false],
])('An event for a later time, added by a %s statement', (_how, preparedStatements) => {
  let database: TestDatabase;
  let app: OutboxApp;

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({
      url: database.url,
      outbox: { relay: false, preparedStatements },
      providers: [Reminders],
    });
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const inTransaction = <T>(work: () => Promise<T>): Promise<T> => app.dataSource.transaction(work);

  const storedOf = async (ids: readonly string[]): Promise<Stored[]> =>
    database.query<Stored>(
      `select to_char(available_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as available_at,
              to_char(retry_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as retry_at, attempts
       from event_outbox where id = any ($1) order by seq`,
      [ids],
    );

  const inFuture = new Date('2099-06-01T12:00:00.123Z');
  const inPast = new Date('2001-06-01T12:00:00.123Z');
  const delayed = { available_at: '2099-06-01T12:00:00.123000', retry_at: '2099-06-01T12:00:00.123000', attempts: 0 };
  const past = { available_at: '2001-06-01T12:00:00.123000', retry_at: null, attempts: 0 };
  const plain = { available_at: null, retry_at: null, attempts: 0 };

  it('waits for it; with a time that has passed, or none, it is an ordinary one', async () => {
    const ids: string[] = [];
    for (const availableAt of [inFuture, inPast, undefined]) {
      ids.push(await inTransaction(() => app.outbox.addEvent(anEvent({ availableAt }))));
    }
    expect(await storedOf(ids)).toEqual([delayed, past, plain]);
    expect((await app.outbox.getEventById(ids[0]!))?.availableAt).toEqual(inFuture);
  });

  it('is told apart from others of the same statement', async () => {
    const ids = await inTransaction(() =>
      app.outbox.addEvents([anEvent(), anEvent({ availableAt: inFuture }), anEvent({ availableAt: inPast })]),
    );
    expect(await storedOf(ids)).toEqual([plain, delayed, past]);
  });

  it('is gone with its transaction', async () => {
    const added: string[] = [];
    const failing = inTransaction(async () => {
      added.push(await app.outbox.addEvent(anEvent({ availableAt: inFuture })));
      added.push(...(await app.outbox.addEvents([anEvent({ availableAt: inFuture }), anEvent()])));
      throw new Error('no stock');
    });
    await expect(failing).rejects.toThrow('no stock');
    expect(added).toHaveLength(3);
    expect(await storedOf(added)).toEqual([]);
  });

  it('may be declared', async () => {
    await app.module.get(Reminders).plan('later', inFuture);
    await app.module.get(Reminders).plan('now', undefined);
    const rows = await database.query<{ id: string }>(
      `select id from event_outbox where topic = 'reminders' order by seq`,
    );
    expect(await storedOf(rows.map(({ id }) => id))).toEqual([delayed, plain]);
  });

  it('is stored as given whatever the session makes of times, and whatever the application reads them as', async () => {
    const parser = types.getTypeParser(TIMESTAMPTZ) as (text: string) => unknown;
    types.setTypeParser(TIMESTAMPTZ, (text: string) => `not a date: ${text}`);
    try {
      const ids = await inTransaction(async () => {
        await app.dataSource.query(`set local timezone = 'Asia/Kathmandu'`);
        await app.dataSource.query(`set local datestyle = 'SQL, DMY'`);
        const first = await app.outbox.addEvent(anEvent({ availableAt: inFuture }));
        return [first, ...(await app.outbox.addEvents([anEvent({ availableAt: inPast }), anEvent()]))];
      });
      expect(await storedOf(ids)).toEqual([delayed, past, plain]);
    } finally {
      types.setTypeParser(TIMESTAMPTZ, parser);
    }
  });

  it('takes the first and the last time that it promises to take', async () => {
    const ids = await inTransaction(() =>
      app.outbox.addEvents([
        anEvent({ availableAt: new Date('1970-01-01T00:00:00.000Z') }),
        anEvent({ availableAt: new Date('9999-12-31T23:59:59.999Z') }),
      ]),
    );
    const last = '9999-12-31T23:59:59.999000';
    expect(await storedOf(ids)).toEqual([
      { available_at: '1970-01-01T00:00:00.000000', retry_at: null, attempts: 0 },
      { available_at: last, retry_at: last, attempts: 0 },
    ]);
  });

  it('is pending, but not failing', async () => {
    const { pending, failing } = await app.outbox.stats();
    expect(pending).toBeGreaterThan(0);
    expect(failing).toBe(0);
  });
});
