import { OutboxDeadlockError } from 'nestjs-outboxed';
import { QueryFailedError } from 'typeorm';
import { aRecord } from '../support/inbox-messages';
import { anEvent } from '../support/outbox-app';
import { CONSUMER, InboxSuite, nothing, once } from '../support/inbox-suite';

class OutOfReachError extends Error {
  override name = 'OutOfReachError';
}

describe('A failed attempt at a message', () => {
  const suite = InboxSuite.declare();
  const failure = new Error('no stock');
  const record = aRecord({ id: 'a' });
  const fail = (options = {}, error: unknown = failure): Promise<unknown> =>
    suite.deliver(record, suite.shipThenFail('a', error), options);

  it('is counted, though all that the handler did is undone', async () => {
    for (let n = 1; n <= 3; n++) {
      await expect(fail()).rejects.toBe(failure);
      expect(await suite.left()).toEqual(nothing);
      expect(await suite.records()).toEqual([
        { consumer: CONSUMER, id: 'a', replayId: '', handled: false, attempts: n, reason: 'Error: no stock' },
      ]);
    }
    await suite.deliver(record);
    expect(await suite.left()).toEqual(once('a'));
    expect(await suite.records()).toMatchObject([{ handled: true, attempts: 3 }]);
  });

  it('is counted also where several deliveries fail at the same time', async () => {
    await Promise.allSettled(Array.from({ length: 4 }, () => fail({ maxAttempts: 5 })));
    expect(await suite.records()).toMatchObject([{ handled: false, attempts: 4 }]);
    await expect(fail({ maxAttempts: 5 })).resolves.toEqual({ status: 'dead', error: failure });
  });

  it('gives the message up after ten, unless told otherwise', async () => {
    for (let n = 1; n < 10; n++) {
      await expect(fail()).rejects.toBe(failure);
    }
    await expect(fail()).resolves.toEqual({ status: 'dead', error: failure });
    await expect(fail()).resolves.toEqual({ status: 'skipped' });
  });

  it('never gives the message up with maxAttempts null', async () => {
    for (let n = 1; n <= 15; n++) {
      await expect(fail({ maxAttempts: null })).rejects.toBe(failure);
    }
    expect(await suite.records()).toMatchObject([{ handled: false, attempts: 15 }]);
  });

  it('counts no further than the column holds, and fails at nothing there', async () => {
    await fail({ maxAttempts: null }).catch(() => undefined);
    await suite.database.query('update event_inbox set attempts = 32767');
    await expect(fail({ maxAttempts: null })).rejects.toBe(failure);
    expect(await suite.records()).toMatchObject([{ handled: false, attempts: 32767 }]);
  });

  it('is not counted if the error is not the fault of the message', async () => {
    const options = { maxAttempts: 2, countsAsAttempt: (error: unknown) => !(error instanceof OutOfReachError) };
    const away = new OutOfReachError('the carrier does not answer');
    for (let n = 1; n <= 5; n++) {
      await expect(fail(options, away)).rejects.toBe(away);
    }
    expect(await suite.records()).toEqual([]);
    await expect(fail(options)).rejects.toBe(failure);
    await expect(fail(options, away)).rejects.toBe(away);
    await expect(fail(options)).resolves.toEqual({ status: 'dead', error: failure });
  });

  /** Two messages at the same time, each of whose handlers then waits for what the other one has locked. One of them fails. */
  const crossing = async (
    lock: (name: string) => Promise<unknown>,
  ): Promise<{ lost: string; won: string; error: unknown }> => {
    let arrived = 0;
    let go = (): void => undefined;
    const bothHaveBegun = new Promise<void>((resolve) => (go = resolve));
    const handle = (id: string): Promise<unknown> =>
      suite.deliver(
        aRecord({ id }),
        async () => {
          await suite.app.dataSource.query("set local deadlock_timeout = '20ms'");
          await lock(id);
          if (++arrived === 2) {
            go();
          }
          await bothHaveBegun;
          await lock(id === 'a' ? 'b' : 'a');
        },
        { maxAttempts: 1 },
      );
    const ends = await Promise.allSettled([handle('a'), handle('b')]);
    const failed = ends.find((end) => end.status === 'rejected');
    const [lost, won] = ends[0] === failed ? ['a', 'b'] : ['b', 'a'];
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    return { lost, won, error: failed?.reason };
  };

  it.each<[string, new (...args: never[]) => Error, (name: string) => Promise<unknown>]>([
    [
      'over locks of its own',
      QueryFailedError,
      (name) => suite.app.dataSource.query('select pg_advisory_xact_lock($1)', [name === 'a' ? 1 : 2]),
    ],
    ['over events', OutboxDeadlockError, (name) => suite.app.outbox.addEvent(anEvent({ eventKey: name }))],
  ])('is not counted if it is the victim of a deadlock %s', async (_what, kind, lock) => {
    const { lost, won, error } = await crossing(lock);
    expect(error).toBeInstanceOf(kind);
    expect(await suite.records()).toMatchObject([{ id: won, handled: true, attempts: 0 }]);
    const again = suite.deliver(aRecord({ id: lost }), undefined, { maxAttempts: 1 });
    await expect(again).resolves.toEqual({ status: 'processed' });
  });

  it('is not counted if its transaction could not be serialized, by a statement or by its COMMIT', async () => {
    await suite.database.query(
      `create function conflict() returns trigger language plpgsql as $$ begin
         raise exception 'could not serialize access' using errcode = 'serialization_failure'; end $$`,
    );
    for (const deferred of ['not deferrable', 'deferrable initially deferred']) {
      await suite.database.query(
        `create constraint trigger conflicting after insert on effect ${deferred} for each row execute function conflict()`,
      );
      for (let n = 1; n <= 3; n++) {
        const failed = suite.deliver(record, undefined, { maxAttempts: 1 });
        await expect(failed).rejects.toMatchObject({ driverError: { code: '40001' } });
      }
      await suite.database.query('drop trigger conflicting on effect');
    }
    await suite.database.query('drop function conflict()');
    expect(await suite.records()).toEqual([]);
    await expect(suite.deliver(record, undefined, { maxAttempts: 1 })).resolves.toEqual({ status: 'processed' });
    expect(await suite.left()).toEqual(once('a'));
  });

  it('shows what was thrown, whatever that is', async () => {
    const reasonOf = async (error: unknown): Promise<string | null | undefined> => {
      await fail({ maxAttempts: null }, error).catch(() => undefined);
      return (await suite.records())[0]?.reason;
    };
    expect(await reasonOf(new OutOfReachError('gone'))).toBe('OutOfReachError: gone');
    expect(await reasonOf('a text')).toBe('a text');
    expect(await reasonOf(null)).toBe('null');
    expect(await reasonOf(new Error('a\0b \ud800'))).toBe('Error: a b \ufffd');
    expect(await reasonOf(new Error('x'.repeat(5000)))).toHaveLength(2000);
  });
});
