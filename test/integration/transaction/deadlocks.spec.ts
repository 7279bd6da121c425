import { OutboxDeadlockError } from 'nestjs-outboxed';
import { QueryFailedError } from 'typeorm';
import { anEvent } from '../support/outbox-app';
import { both, TransactionSuite } from '../support/transaction-suite';

describe('A deadlock', () => {
  // PostgreSQL looks for a deadlock when a statement has waited this long: it is the victim that asks.
  const impatient = "set local deadlock_timeout = '20ms'";
  const patient = "set local deadlock_timeout = '30s'";
  const suite = TransactionSuite.declare();
  type Step = () => Promise<unknown>;

  /**
   * Two transactions, each of which does its first step before either does its second. The victim is the one that looks for deadlocks. Gives the
   * victim's error, and shows that the other one commits.
   */
  async function crossing(victim: readonly [Step, Step], other: readonly [Step, Step]): Promise<Error> {
    let arrived = 0;
    let go = (): void => undefined;
    const bothHaveBegun = new Promise<void>((resolve) => (go = resolve));
    const run = ([first, second]: readonly [Step, Step], setting: string): Promise<void> =>
      suite.app.transactions.run(async () => {
        await suite.app.dataSource.query(setting);
        await first();
        if (++arrived === 2) {
          go();
        }
        await bothHaveBegun;
        await second();
      });
    const [lost, won] = await Promise.allSettled([run(victim, impatient), run(other, patient)]);
    expect([lost.status, won.status]).toEqual(['rejected', 'fulfilled']);
    return (lost as PromiseRejectedResult).reason as Error;
  }

  const add = (id: string, key: string) => (): Promise<unknown> =>
    suite.app.outbox.addEvent(anEvent({ aggregateId: id, eventKey: key }));
  const save = (id: string, note: string) => (): Promise<unknown> => suite.writers.items.update({ id }, { note });

  const explained = async (error: Error): Promise<void> => {
    expect(error).toBeInstanceOf(OutboxDeadlockError);
    expect(error.message).toContain('PostgreSQL has aborted this one while it was adding an event');
    expect(error.message).toContain(
      'Add events last, after all rows are written, and several events with one addEvents',
    );
    expect(error.message).toMatch(/\(Process \d+ waits for .*\)$/);
    expect(error.cause).toMatchObject({ driverError: { code: '40P01' } });
  };

  it('of save-then-add against add-then-save: the adding one says what to do', async () => {
    await suite.writers.items.save({ id: 'row-1' });
    const error = await crossing(
      [save('row-1', 'victim'), add('victim-1', 'k1')],
      [add('other-1', 'k1'), save('row-1', 'other')],
    );
    await explained(error);
    expect((await suite.stored('victim-1')).events).toEqual([]);
    expect((await suite.stored('other-1')).events).toEqual(['other-1']);
    expect(await suite.writers.items.findOneBy({ id: 'row-1' })).toMatchObject({ note: 'other' });
  });

  it("of add-then-save against save-then-add: the user's own statement says what to do", async () => {
    await suite.writers.items.save({ id: 'row-2' });
    const error = await crossing(
      [add('victim-2', 'k2'), save('row-2', 'victim')],
      [save('row-2', 'other'), add('other-2', 'k2')],
    );
    expect(error).toBeInstanceOf(QueryFailedError);
    expect(error.message).toMatch(
      /^deadlock detected\. This transaction has added events, and so holds their ordering keys/,
    );
    expect(error.message).toContain(
      'Add events last, after all rows are written, and several events with one addEvents',
    );
    expect(error).toMatchObject({ driverError: { code: '40P01' } });
    expect((await suite.stored('victim-2')).events).toEqual([]);
  });

  it('of two calls with crossing keys: the second one says what to do', async () => {
    const error = await crossing(
      [add('victim-3', 'k3'), add('victim-3', 'k4')],
      [add('other-3', 'k4'), add('other-3', 'k3')],
    );
    await explained(error);
    expect((await suite.stored('victim-3')).events).toEqual([]);
    expect((await suite.stored('other-3')).events).toEqual(['other-3', 'other-3']);
  });

  it('of two calls of addEvents with crossing keys says the same', async () => {
    const addAll =
      (id: string, ...keys: string[]) =>
      (): Promise<unknown> =>
        suite.app.outbox.addEvents(keys.map((eventKey) => anEvent({ aggregateId: id, eventKey })));
    await explained(
      await crossing(
        [addAll('v', 'k5', 'k6'), addAll('v', 'k7', 'k8')],
        [addAll('o', 'k7', 'k8'), addAll('o', 'k5', 'k6')],
      ),
    );
  });

  it('with which the outbox has nothing to do is left as it is', async () => {
    await suite.writers.items.save([{ id: 'row-3' }, { id: 'row-4' }]);
    const error = await crossing([save('row-3', 'v'), save('row-4', 'v')], [save('row-4', 'o'), save('row-3', 'o')]);
    expect(error.message).toBe('deadlock detected');
  });

  it('does not arise where events are added last, with one addEvents', async () => {
    await suite.writers.items.save([{ id: 'calm-row' }]);
    const writing = Array.from({ length: 40 }, (_, n) =>
      suite.app.transactions.run(async () => {
        await save('calm-row', String(n))();
        const keys = n % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a'];
        await suite.app.outbox.addEvents(
          keys.map((eventKey) => anEvent({ aggregateId: `calm-${String(n)}`, eventKey })),
        );
      }),
    );
    await Promise.all(writing);
    expect((await suite.stored('calm-')).events).toHaveLength(120);
  });

  it('with oneself is seen by nobody, as only one side of it waits in the database: lock_timeout ends it', async () => {
    await suite.app.transactions.run(async () => {
      await add('self-1', 'k10')();
      const inner = suite.app.transactions.run(
        async () => {
          await suite.app.dataSource.query("set local lock_timeout = '50ms'");
          await add('self-2', 'k10')();
        },
        { propagation: 'REQUIRES_NEW' },
      );
      await expect(inner).rejects.toMatchObject({ driverError: { code: '55P03' } });
      await suite.app.transactions.run(add('self-3', 'k11'), { propagation: 'REQUIRES_NEW' });
    });
    expect((await suite.stored('self-')).events).toEqual(['self-1', 'self-3']);
  });

  it('may be tried again', async () => {
    await suite.writers.items.save({ id: 'again' });
    await crossing([save('again', 'victim'), add('again-1', 'k9')], [add('again-2', 'k9'), save('again', 'other')]);
    await suite.app.transactions.run(async () => {
      await save('again', 'victim')();
      await add('again-1', 'k9')();
    });
    expect((await suite.stored('again-')).events).toEqual(both('again-1', 'again-2').events);
  });
});
