import { Injectable } from '@nestjs/common';
import { Outboxed, OutboxPoolTooSmallError } from 'nestjs-outboxed';
import { both, TransactionSuite } from '../support/transaction-suite';

@Injectable()
class Decorated {
  @Outboxed({ propagation: 'REQUIRES_NEW' })
  async independent(work: () => Promise<unknown>): Promise<unknown> {
    return work();
  }
}

describe.each([
  ['extra.max', { extra: { max: 1 } }],
  ['poolSize', { poolSize: 1 }],
])('With a pool of one connection (%s)', (_how, typeorm) => {
  const suite = TransactionSuite.declare({ typeorm, providers: [Decorated] });

  it('a transaction uses one connection, whatever it does', async () => {
    await suite.app.transactions.run(async () => {
      await suite.write('one-1');
      await suite.app.transactions.run(() => suite.write('one-2'), { propagation: 'NESTED' });
      await Promise.all([suite.write('one-3'), suite.write('one-4')]);
      await suite.app.outbox.stats();
    });
    expect(await suite.stored('one')).toEqual(both('one-1', 'one-2', 'one-3', 'one-4'));
  });

  it.each<[string, () => Promise<unknown>]>([
    [
      '@Outboxed({ propagation: "REQUIRES_NEW" })',
      () => suite.app.module.get(Decorated).independent(() => suite.write('no')),
    ],
    ['dataSource.transaction', () => suite.app.dataSource.transaction(() => suite.write('no'))],
    ['a query runner made by hand', () => suite.app.dataSource.createQueryRunner().startTransaction()],
  ])('an independent transaction inside another one fails at once, and says why: %s', async (what, begin) => {
    const begun = performance.now();
    await suite.app.transactions.run(async () => {
      await suite.write(`outer-${what}`);
      const independent = begin();
      await expect(independent).rejects.toBeInstanceOf(OutboxPoolTooSmallError);
      await expect(independent).rejects.toThrow('has only one. Raise poolSize');
    });
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(await suite.stored(`outer-${what}`)).toEqual(both(`outer-${what}`));
    expect(await suite.stored('no')).toEqual(both());
  });

  it('REQUIRES_NEW outside a transaction is fine', async () => {
    await suite.app.module.get(Decorated).independent(() => suite.write('outside'));
    expect(await suite.stored('outside')).toEqual(both('outside'));
  });
});

describe('With a pool of two connections', () => {
  const suite = TransactionSuite.declare({ typeorm: { extra: { max: 2 } }, providers: [Decorated] });

  it('REQUIRES_NEW inside a transaction is fine', async () => {
    await suite.app.transactions.run(async () => {
      await suite.write('outer');
      await suite.app.module.get(Decorated).independent(() => suite.write('inner'));
    });
    expect(await suite.stored('inner')).toEqual(both('inner'));
    expect(await suite.stored('outer')).toEqual(both('outer'));
  });
});
