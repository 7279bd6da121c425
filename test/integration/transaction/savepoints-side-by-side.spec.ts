import { OutboxSavepointOverlapError, type OutboxPropagation } from 'nestjs-outboxed';
import { both, gate, TransactionSuite } from '../support/transaction-suite';
import { allConnectionsAreBack } from '../support/pool';

describe('Savepoints side by side in one transaction', () => {
  const suite = TransactionSuite.declare({ typeorm: { extra: { max: 2 } } });
  const failure = new Error('back to the savepoint');
  const run = <T>(propagation: OutboxPropagation, work: () => Promise<T>): Promise<T> =>
    suite.app.transactions.run(work, { propagation });

  afterEach(async () => {
    await allConnectionsAreBack(suite.app.dataSource);
    const open = await suite.database.query(
      `select query from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    );
    expect(open).toEqual([]);
  });

  it('are refused, and all is rolled back: they share a connection, and would end each other', async () => {
    for (let n = 0; n < 20; n++) {
      const transaction = run('REQUIRED', () =>
        Promise.all(
          Array.from({ length: 4 }, (_, m) => run('NESTED', () => suite.write(`pair-${String(n)}-${String(m)}`))),
        ),
      );
      await expect(transaction).rejects.toBeInstanceOf(OutboxSavepointOverlapError);
    }
    expect(await suite.stored('pair')).toEqual(both());
  });

  it('are refused one by one, and the first is kept, where all are waited for', async () => {
    const outcomes = await run('REQUIRED', () =>
      Promise.allSettled(['settled-1', 'settled-2', 'settled-3'].map((id) => run('NESTED', () => suite.write(id)))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(await suite.stored('settled')).toEqual(both('settled-1'));
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['addEvent', (id) => suite.writers.addEvent(id)],
    ['a repository', (id) => suite.writers.items.save({ id })],
    ['the data source', (id) => suite.app.dataSource.query('insert into item (id) values ($1)', [id])],
    ['@Outboxed', (id) => run('REQUIRED', () => suite.write(id))],
  ])('do not swallow what code around them writes meanwhile: %s is refused', async (what, write) => {
    const [inside, written] = [gate(), gate()];
    await run('REQUIRED', async () => {
      const nested = run('NESTED', async () => {
        await suite.write(`swallowed-${what}-inside`);
        inside.open();
        await written.opened;
        throw failure;
      });
      await inside.opened;
      await expect(write(`swallowed-${what}`)).rejects.toBeInstanceOf(OutboxSavepointOverlapError);
      written.open();
      await expect(nested).rejects.toBe(failure);
      await write(`swallowed-${what}-after`);
    });
    const { rows, events } = await suite.stored(`swallowed-${what}`);
    expect(new Set([...rows, ...events])).toEqual(new Set([`swallowed-${what}-after`]));
  });

  it.each(['savepoint', 'transaction'])(
    'that nobody waits for let the %s around them fail, and not commit in part',
    async (which) => {
      const [inside, go] = [gate(), gate()];
      let nested: Promise<unknown> = Promise.resolve();
      const forgetful = async (): Promise<void> => {
        await suite.write(`forgotten-${which}-1`);
        nested = run('NESTED', async () => {
          await suite.write(`forgotten-${which}-2`);
          inside.open();
          await go.opened;
          await suite.write(`forgotten-${which}-3`);
        }).catch((error: unknown) => error);
        await inside.opened;
      };
      const transaction =
        which === 'transaction' ? run('REQUIRED', forgetful) : run('REQUIRED', () => run('NESTED', forgetful));
      await expect(transaction).rejects.toThrow('has ended while a savepoint inside it');
      go.open();
      expect(await nested).toBeInstanceOf(Error);
      expect(await suite.stored(`forgotten-${which}`)).toEqual(both());
    },
  );

  it('of a transaction that fails meanwhile are lost with it', async () => {
    const [inside, go] = [gate(), gate()];
    let nested: Promise<unknown> = Promise.resolve();
    const transaction = run('REQUIRED', async () => {
      nested = run('NESTED', async () => {
        await suite.write('failing-inside');
        inside.open();
        await go.opened;
        await suite.write('failing-late');
      }).catch((error: unknown) => error);
      await inside.opened;
      throw failure;
    });
    await expect(transaction).rejects.toBe(failure);
    go.open();
    expect(await nested).toMatchObject({ code: 'OUTBOX_TRANSACTION_ENDED' });
    expect(await suite.stored('failing')).toEqual(both());
  });

  it('one after the other are fine, and so is REQUIRES_NEW at the same time', async () => {
    await run('REQUIRED', async () => {
      await run('NESTED', () => suite.write('fine-1'));
      await run('NESTED', () => suite.write('fine-2'));
      await Promise.all([run('NESTED', () => suite.write('fine-3')), run('REQUIRES_NEW', () => suite.write('fine-4'))]);
      await Promise.all([suite.write('fine-5'), suite.write('fine-6')]);
    });
    expect(await suite.stored('fine')).toEqual(both('fine-1', 'fine-2', 'fine-3', 'fine-4', 'fine-5', 'fine-6'));
  });

  it('that are released with a query runner are rolled back, and not given to the next user of the connection', async () => {
    const queryRunner = suite.app.dataSource.createQueryRunner();
    await queryRunner.startTransaction();
    await suite.app.transactions.bind({ queryRunner }, () => suite.write('released'));
    await queryRunner.release();
    await suite.app.dataSource.query(`insert into item (id) values ('released-after')`);
    expect(await suite.stored('released')).toEqual({ rows: ['released-after'], events: [] });
  });
});
