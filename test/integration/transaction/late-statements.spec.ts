import { OutboxTransactionEndedError } from 'nestjs-outboxed';
import {
  QueryRunnerProviderAlreadyReleasedError,
  type EntityManager,
  type EntitySubscriberInterface,
  type QueryRunner,
} from 'typeorm';
import { Item } from '../support/item.entity';
import { anEvent } from '../support/outbox-app';
import { both, gate, TransactionSuite } from '../support/transaction-suite';
import { waysOfManagers, waysOfWriting } from '../support/writers';

type Hook = 'beforeTransactionRollback' | 'afterTransactionRollback' | 'afterTransactionCommit';

/** Lets a test do something at a moment in the life of a transaction, which goes on when that is done. */
class Moments implements EntitySubscriberInterface {
  at: Hook | undefined;
  act: () => Promise<void> = () => Promise.resolve();

  beforeTransactionRollback = (): Promise<void> => this.reached('beforeTransactionRollback');
  afterTransactionRollback = (): Promise<void> => this.reached('afterTransactionRollback');
  afterTransactionCommit = (): Promise<void> => this.reached('afterTransactionCommit');

  private async reached(moment: Hook): Promise<void> {
    if (this.at === moment) {
      this.at = undefined;
      await this.act();
    }
  }
}

interface Client {
  query(sql: unknown, ...more: unknown[]): Promise<unknown>;
}

/** Does something while a statement is on its way: it was sent, and the answer is not yet handed out. */
async function whileOnItsWay(runner: QueryRunner, statement: string, act: () => Promise<void>): Promise<void> {
  const client = (await runner.connect()) as Client;
  const own = Object.getOwnPropertyDescriptor(client, 'query');
  const query = client.query.bind(client);
  client.query = async (sql, ...more) => {
    const answer = query(sql, ...more);
    if (sql === statement) {
      if (own === undefined) {
        delete (client as Partial<Client>).query;
      } else {
        Object.defineProperty(client, 'query', own);
      }
      await act();
    }
    return answer;
  };
}

type Moment =
  'before the end is sent' | 'while the end is on its way' | 'between the end and the release' | 'afterwards';
type End = 'commit' | 'rollback';

const moments: readonly (readonly [End, Moment])[] = [
  ['rollback', 'before the end is sent'],
  ['rollback', 'while the end is on its way'],
  ['rollback', 'between the end and the release'],
  ['rollback', 'afterwards'],
  ['commit', 'while the end is on its way'],
  ['commit', 'between the end and the release'],
  ['commit', 'afterwards'],
];

describe('A statement that outlives its transaction', () => {
  const suite = TransactionSuite.declare({ typeorm: { extra: { max: 3 } } });
  const subscriber = new Moments();
  beforeAll(() => void suite.app.dataSource.subscribers.push(subscriber));
  const failure = new Error('no stock');

  const late: Record<string, (manager: EntityManager, id: string) => Promise<unknown>> = {
    addEvent: (_manager, id) => suite.writers.addEvent(id),
    addEvents: (_manager, id) =>
      suite.app.outbox.addEvents([anEvent({ aggregateId: id }), anEvent({ aggregateId: id })]),
    'addEvent with the manager': (manager, id) => suite.app.outbox.addEvent(anEvent({ aggregateId: id }), { manager }),
    'manager.transaction': (manager, id) => manager.transaction((inner) => inner.insert(Item, { id })),
    'dataSource.transaction': (_manager, id) => suite.app.dataSource.transaction(() => suite.write(id)),
    'transactions.run': (_manager, id) => suite.app.transactions.run(() => suite.write(id)),
    afterCommit: async () => suite.app.transactions.afterCommit(() => undefined),
    ...Object.fromEntries(
      Object.entries(waysOfWriting).map(([name, write]) => [
        name,
        (_manager: EntityManager, id: string): Promise<unknown> => write(suite.writers, id),
      ]),
    ),
    ...waysOfManagers,
  };

  /** Runs a transaction, and `attempt` in its context at a moment of its end. Returns what became of the attempt. */
  async function at(end: End, moment: Moment, attempt: (manager: EntityManager) => Promise<unknown>): Promise<unknown> {
    const now = gate();
    let attempted: Promise<unknown> = Promise.resolve();
    const act = async (): Promise<void> => {
      now.open();
      await attempted;
    };
    await suite.app.dataSource
      .transaction(async (manager) => {
        attempted = now.opened.then(() => attempt(manager)).catch((error: unknown) => error);
        if (moment === 'while the end is on its way') {
          await whileOnItsWay(manager.queryRunner!, end.toUpperCase(), act);
        } else if (moment === 'before the end is sent') {
          Object.assign(subscriber, { at: 'beforeTransactionRollback', act });
        } else if (moment === 'between the end and the release') {
          Object.assign(subscriber, {
            at: end === 'commit' ? 'afterTransactionCommit' : 'afterTransactionRollback',
            act,
          });
        }
        if (end === 'rollback') {
          throw failure;
        }
      })
      .catch((error: unknown) => expect(error).toBe(failure));
    await act();
    return attempted;
  }

  describe.each(moments)('by a %s, %s', (end, moment) => {
    it.each(Object.keys(late))('%s is rejected, and writes nothing', async (name) => {
      const id = `late-${end}-${moment}-${name}`;
      const error = await at(end, moment, (manager) => late[name]!(manager, id));
      // The data source itself looks at the runner that a manager hands to it, and refuses one that was released.
      const isRefusedByTypeOrm = name === 'manager.query' && moment === 'afterwards';
      expect(error).toBeInstanceOf(
        isRefusedByTypeOrm ? QueryRunnerProviderAlreadyReleasedError : OutboxTransactionEndedError,
      );
      expect(await suite.stored(id)).toEqual(both());
    });
  });

  it('says what is missing, and its stack leads to the call', async () => {
    async function notifyWithoutAwait(): Promise<void> {
      await suite.writers.addEvent('stack');
    }
    const error = (await at('commit', 'afterwards', notifyWithoutAwait)) as Error;
    expect(error.message).toContain('already committed');
    expect(error.message).toContain('Put an await before it');
    expect(error.stack).toMatch(/Writers\.addEvent [^]*late-statements\.spec\.ts/);
    expect(((await at('rollback', 'afterwards', notifyWithoutAwait)) as Error).message).toContain(
      'already rolled back',
    );
    const [ending] = [(await at('rollback', 'while the end is on its way', notifyWithoutAwait)) as Error];
    expect(ending.message).toContain('just being ended');
  });

  it('is rejected also where it outlives only its savepoint', async () => {
    const errors: unknown[] = [];
    await suite.app.dataSource.transaction(async (manager) => {
      for (const failing of [false, true]) {
        const now = gate();
        let attempted: Promise<unknown>[] = [];
        await manager
          .transaction(async (inner) => {
            attempted = Object.entries(late).map(([name, attempt]) =>
              now.opened.then(() => attempt(inner, `late-savepoint-${name}`)).catch((error: unknown) => error),
            );
            if (failing) {
              throw failure;
            }
          })
          .catch((error: unknown) => expect(error).toBe(failure));
        now.open();
        errors.push(...(await Promise.all(attempted)));
      }
      await suite.write('savepoint-after');
    });
    expect(errors).toHaveLength(2 * Object.keys(late).length);
    expect(errors.filter((error) => !(error instanceof OutboxTransactionEndedError))).toEqual([]);
    expect(await suite.stored('late-savepoint')).toEqual(both());
    expect(await suite.stored('savepoint-after')).toEqual(both('savepoint-after'));
  });

  it('that began in time and goes on in steps is stopped at the next step', async () => {
    const now = gate();
    let saving: Promise<unknown> = Promise.resolve();
    const slow: EntitySubscriberInterface = { beforeInsert: () => now.opened };
    suite.app.dataSource.subscribers.push(slow);
    try {
      await suite.app.dataSource
        .transaction(async () => {
          saving = suite.writers.items.save({ id: 'late-steps' }).catch((error: unknown) => error);
          await suite.app.dataSource.query('select 1');
          throw failure;
        })
        .catch((error: unknown) => expect(error).toBe(failure));
      now.open();
      expect(await saving).toBeInstanceOf(OutboxTransactionEndedError);
    } finally {
      suite.app.dataSource.subscribers.splice(suite.app.dataSource.subscribers.indexOf(slow), 1);
    }
    expect(await suite.stored('late-steps')).toEqual(both());
  });

  it('that has read and not yet written when the transaction ends does not begin one of its own', async () => {
    const runner = await suite.app.dataSource.transaction(async () => suite.app.dataSource.createQueryRunner());
    await expect(runner.startTransaction()).rejects.toBeInstanceOf(OutboxTransactionEndedError);
    await runner.release();
  });

  it('of a transaction that was begun by hand and bound is rejected', async () => {
    const queryRunner = suite.app.dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    const now = gate();
    let attempted: Promise<unknown>[] = [];
    await suite.app.transactions.bind({ queryRunner }, async () => {
      attempted = Object.entries(late).map(([name, attempt]) =>
        now.opened.then(() => attempt(queryRunner.manager, `late-bound-${name}`)).catch((error: unknown) => error),
      );
    });
    await queryRunner.rollbackTransaction();
    now.open();
    const errors = await Promise.all(attempted);
    await queryRunner.release();
    expect(errors.filter((error) => !(error instanceof OutboxTransactionEndedError))).toEqual([]);
    expect(await suite.stored('late-bound')).toEqual(both());
  });

  it('leaves no connection behind, and none with an open transaction', async () => {
    const { master } = suite.app.dataSource.driver as unknown as { master: { totalCount: number; idleCount: number } };
    expect(master.idleCount).toBe(master.totalCount);
    const open = await suite.database.query(
      `select query from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    );
    expect(open).toEqual([]);
  });
});
