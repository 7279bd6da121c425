import { randomUUID } from 'node:crypto';
import { laneOf } from '../../../lib/store/ordering-key';
import { AdminSuite } from '../support/admin-suite';
import { addDeadLetter, addDeadLetters, rewoundLanes } from '../support/dead-letters';

describe('An operator', () => {
  const suite = AdminSuite.declare();
  beforeEach(async () => {});

  it('discards one, and hears whether it was there', async () => {
    const [one, other] = [await addDeadLetter(suite.database), await addDeadLetter(suite.database)];
    expect(await suite.deadLetters.discard(one.toUpperCase())).toBe(true);
    expect(await suite.deadLetters.discard(one)).toBe(false);
    expect(await suite.deadLetters.discard(randomUUID())).toBe(false);
    expect(await suite.dead()).toEqual([other]);
    expect(await suite.inOutbox()).toEqual([]);
    expect(await rewoundLanes(suite.database)).toEqual([]);
  });

  it('discards many, and hears which were there', async () => {
    const ids = await addDeadLetters(
      suite.database,
      Array.from({ length: 20 }, () => ({})),
    );
    const unknown = randomUUID();
    const asked = [...ids.slice(5), unknown];
    expect(await suite.deadLetters.discardMany(asked)).toEqual({ discarded: ids.slice(5), notFound: [unknown] });
    expect(await suite.dead()).toEqual(ids.slice(0, 5));
  });

  it('lets the lane of a held key begin anew by a discard', async () => {
    await addDeadLetter(suite.database, { eventKey: 'other', holdsKey: true });
    await suite.deadLetters.discard(await addDeadLetter(suite.database, { eventKey: 'held', holdsKey: true }));
    expect(await rewoundLanes(suite.database)).toEqual([laneOf('held')]);
  });

  it('releases a key, and its dead letters stay', async () => {
    const ids = [
      await addDeadLetter(suite.database, { eventKey: 'held', holdsKey: true }),
      await addDeadLetter(suite.database, { eventKey: 'held', holdsKey: true }),
      await addDeadLetter(suite.database, { eventKey: 'held' }),
      await addDeadLetter(suite.database, { eventKey: 'other', holdsKey: true }),
    ];
    expect(await suite.deadLetters.release('held')).toBe(2);
    expect(await rewoundLanes(suite.database)).toEqual([laneOf('held')]);
    const { deadLetters: listed } = await suite.deadLetters.list();
    expect(listed.map(({ id, holdsKey }) => [id, holdsKey])).toEqual(ids.map((id, index) => [id, index === 3]));
    expect(await suite.deadLetters.release('held')).toBe(0);
    expect(await suite.deadLetters.release('unknown')).toBe(0);
  });

  it('does all of it in the transaction that is open, and undoes it with that', async () => {
    const ids = await addDeadLetters(
      suite.database,
      ['held', 'held', 'other', 'third'].map((eventKey) => ({ eventKey, holdsKey: true })),
    );
    const decide = async (): Promise<void> => {
      await suite.deadLetters.replay(ids[0]!);
      await suite.deadLetters.discard(ids[1]!);
      await suite.deadLetters.release('other');
      // It sees what it has done, and nobody else does.
      expect((await suite.deadLetters.list()).deadLetters.map(({ id, holdsKey }) => [id, holdsKey])).toEqual([
        [ids[2], false],
        [ids[3], true],
      ]);
      expect(await suite.deadLetters.get(ids[1]!)).toBeNull();
      expect((await suite.app.outbox.stats()).deadLetters).toBe(2);
      expect(await suite.dead()).toEqual(ids);
      expect(await rewoundLanes(suite.database)).toEqual([]);
    };
    const failure = new Error('not so');
    await expect(
      suite.app.dataSource.transaction(async () => {
        await decide();
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await suite.dead()).toEqual(ids);
    expect(await suite.inOutbox()).toEqual([]);
    expect(await rewoundLanes(suite.database)).toEqual([]);

    await suite.app.transactions.run(decide);
    expect(await suite.dead()).toEqual([ids[2], ids[3]]);
    expect(await suite.inOutbox()).toEqual([ids[0]]);
    expect(await rewoundLanes(suite.database)).toEqual([laneOf('held'), laneOf('other')].toSorted((a, b) => a - b));
  });

  it('does not abort the transaction by asking for what is not there', async () => {
    const id = await addDeadLetter(suite.database);
    await suite.app.transactions.run(async () => {
      await expect(suite.deadLetters.replay(randomUUID())).rejects.toMatchObject({
        code: 'OUTBOX_DEAD_LETTER_NOT_FOUND',
      });
      await suite.deadLetters.replay(id);
    });
    expect(await suite.inOutbox()).toEqual([id]);
  });
});
