import { randomUUID } from 'node:crypto';
import { OutboxDeadLetters } from 'nestjs-outboxed';
import { laneOf } from '../../../lib/store/ordering-key';
import { createDatabase, type TestDatabase } from '../support/database';
import { addDeadLetter, addDeadLetters, addLane, emptyOutbox, idsIn, rewoundLanes } from '../support/dead-letters';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';

describe('An operator', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let deadLetters: OutboxDeadLetters;

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({ url: database.url });
    deadLetters = app.module.get(OutboxDeadLetters);
  });
  beforeEach(async () => {
    await emptyOutbox(database);
    await addLane(database, 'held');
    await addLane(database, 'other');
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const dead = (): Promise<string[]> => idsIn(database, 'event_outbox_dead_letter');

  it('discards one, and hears whether it was there', async () => {
    const [one, other] = [await addDeadLetter(database), await addDeadLetter(database)];
    expect(await deadLetters.discard(one.toUpperCase())).toBe(true);
    expect(await deadLetters.discard(one)).toBe(false);
    expect(await deadLetters.discard(randomUUID())).toBe(false);
    expect(await dead()).toEqual([other]);
    expect(await idsIn(database, 'event_outbox')).toEqual([]);
    expect(await rewoundLanes(database)).toEqual([]);
  });

  it('discards many, and hears which were there', async () => {
    const ids = await addDeadLetters(
      database,
      Array.from({ length: 20 }, () => ({})),
    );
    const unknown = randomUUID();
    const asked = [...ids.slice(5), unknown];
    expect(await deadLetters.discardMany(asked)).toEqual({ discarded: ids.slice(5), notFound: [unknown] });
    expect(await dead()).toEqual(ids.slice(0, 5));
  });

  it('lets the lane of a held key begin anew by a discard', async () => {
    await addDeadLetter(database, { eventKey: 'other', holdsKey: true });
    await deadLetters.discard(await addDeadLetter(database, { eventKey: 'held', holdsKey: true }));
    expect(await rewoundLanes(database)).toEqual([laneOf('held')]);
  });

  it('releases a key, and its dead letters stay', async () => {
    const ids = [
      await addDeadLetter(database, { eventKey: 'held', holdsKey: true }),
      await addDeadLetter(database, { eventKey: 'held', holdsKey: true }),
      await addDeadLetter(database, { eventKey: 'held' }),
      await addDeadLetter(database, { eventKey: 'other', holdsKey: true }),
    ];
    expect(await deadLetters.release('held')).toBe(2);
    expect(await rewoundLanes(database)).toEqual([laneOf('held')]);
    const { deadLetters: listed } = await deadLetters.list();
    expect(listed.map(({ id, holdsKey }) => [id, holdsKey])).toEqual(ids.map((id, index) => [id, index === 3]));
    expect(await deadLetters.release('held')).toBe(0);
    expect(await deadLetters.release('unknown')).toBe(0);
  });

  it('does all of it in the transaction that is open, and undoes it with that', async () => {
    const ids = await addDeadLetters(
      database,
      ['held', 'held', 'other', 'third'].map((eventKey) => ({ eventKey, holdsKey: true })),
    );
    const decide = async (): Promise<void> => {
      await deadLetters.replay(ids[0]!);
      await deadLetters.discard(ids[1]!);
      await deadLetters.release('other');
      // It sees what it has done, and nobody else does.
      expect((await deadLetters.list()).deadLetters.map(({ id, holdsKey }) => [id, holdsKey])).toEqual([
        [ids[2], false],
        [ids[3], true],
      ]);
      expect(await deadLetters.get(ids[1]!)).toBeNull();
      expect((await app.outbox.stats()).deadLetters).toBe(2);
      expect(await dead()).toEqual(ids);
      expect(await rewoundLanes(database)).toEqual([]);
    };
    const failure = new Error('not so');
    await expect(
      app.dataSource.transaction(async () => {
        await decide();
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await dead()).toEqual(ids);
    expect(await idsIn(database, 'event_outbox')).toEqual([]);
    expect(await rewoundLanes(database)).toEqual([]);

    await app.transactions.run(decide);
    expect(await dead()).toEqual([ids[2], ids[3]]);
    expect(await idsIn(database, 'event_outbox')).toEqual([ids[0]]);
    expect(await rewoundLanes(database)).toEqual([laneOf('held'), laneOf('other')].toSorted((a, b) => a - b));
  });

  it('does not abort the transaction by asking for what is not there', async () => {
    const id = await addDeadLetter(database);
    await app.transactions.run(async () => {
      await expect(deadLetters.replay(randomUUID())).rejects.toMatchObject({ code: 'OUTBOX_DEAD_LETTER_NOT_FOUND' });
      await deadLetters.replay(id);
    });
    expect(await idsIn(database, 'event_outbox')).toEqual([id]);
  });
});
