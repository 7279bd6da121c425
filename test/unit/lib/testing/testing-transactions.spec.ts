import { setImmediate as nextTick } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { OutboxTransactionRequiredError } from '../../../../lib/errors/transaction.errors';
import { OutboxTestingModule, TestingOutboxRepository } from '../../../../lib/testing';
import { TestingTransactions } from '../../../../lib/testing/testing-transactions';
import { OutboxTransactions, type OutboxTransaction } from '../../../../lib/transaction/outbox-transactions';
import type { OutboxPropagation } from '../../../../lib/transaction/propagation';
import { getTransactionsToken } from '../../../../lib/write/outbox-tokens';
import { Outboxed } from '../../../../lib/write/outboxed.decorator';
import { OutboxRepository } from '../../../../lib/write/outbox.repository';
import { anEvent } from '../support/an-event';
import { thrown } from '../support/thrown';

describe('the transactions of tests', () => {
  let transactions: TestingTransactions;
  let outbox: TestingOutboxRepository;
  beforeEach(() => {
    transactions = new TestingTransactions('default');
    outbox = new TestingOutboxRepository(transactions);
  });

  const add = (aggregateId: string): Promise<string> => outbox.addEvent(anEvent({ aggregateId }));
  const added = (): string[] => outbox.events.map(({ aggregateId }) => aggregateId);
  const fail = (): never => {
    throw new Error('no stock');
  };

  it('are active inside one, and not outside', async () => {
    expect(transactions.active).toBe(false);
    await transactions.run(async () => {
      await nextTick();
      expect(transactions.active).toBe(true);
    });
    expect(transactions.active).toBe(false);
  });

  it('give what the work gives, and fail as it fails', async () => {
    await expect(transactions.run(() => Promise.resolve('done'))).resolves.toBe('done');
    await expect(transactions.run(async () => fail())).rejects.toThrow('no stock');
    await expect(transactions.run(() => transactions.run(fail))).rejects.toThrow('no stock');
  });

  it.each<[OutboxPropagation, string[]]>([
    ['REQUIRED', ['outer', 'inner']],
    ['MANDATORY', ['outer', 'inner']],
    ['NESTED', ['outer']],
    ['REQUIRES_NEW', ['outer']],
  ])(
    'keep what one that joined had added before it failed, and the outer one went on: %s',
    async (propagation, kept) => {
      await transactions.run(async () => {
        await add('outer');
        const inner = async (): Promise<void> => {
          await add('inner');
          fail();
        };
        await expect(transactions.run(inner, { propagation })).rejects.toThrow('no stock');
      });
      await nextTick();
      expect(added()).toEqual(kept);
    },
  );

  it.each<[OutboxPropagation, string[]]>([
    ['REQUIRED', []],
    ['MANDATORY', []],
    ['NESTED', []],
    ['REQUIRES_NEW', ['inner']],
  ])('keep of the inner one, where the outer one fails: %s', async (propagation, kept) => {
    const outer = transactions.run(async () => {
      await add('outer');
      await transactions.run(() => add('inner'), { propagation });
      fail();
    });
    await expect(outer).rejects.toThrow('no stock');
    await nextTick();
    expect(added()).toEqual(kept);
  });

  it.each<OutboxPropagation>(['REQUIRED', 'NESTED', 'REQUIRES_NEW'])('begin one outside: %s', async (propagation) => {
    await expect(transactions.run(() => Promise.resolve(transactions.active), { propagation })).resolves.toBe(true);
  });

  it('reject MANDATORY outside', async () => {
    const error = await thrown(OutboxTransactionRequiredError, () =>
      transactions.run(() => Promise.resolve(), { propagation: 'MANDATORY' }),
    );
    expect(error.message).toContain('"default"');
  });

  it('run bound work as in a transaction', async () => {
    const handMade = {} as OutboxTransaction;
    await expect(transactions.bind(handMade, () => Promise.resolve(transactions.active))).resolves.toBe(true);
  });

  it('call the hooks of the outcome, once, after the outermost one has ended, and outside of it', async () => {
    const log: string[] = [];
    const note = (name: string) => (): void => void log.push(`${name} ${String(transactions.active)}`);
    await transactions.run(async () => {
      transactions.afterCommit(note('outer committed'));
      transactions.afterRollback(note('outer rolled back'));
      await transactions.run(
        async () => {
          transactions.afterCommit(note('inner committed'));
          return Promise.resolve();
        },
        { propagation: 'NESTED' },
      );
      await nextTick();
      expect(log).toEqual([]);
    });
    await nextTick();
    expect(log).toEqual(['outer committed false', 'inner committed false']);
  });

  it('call the hooks for the rollback of a savepoint when that fails', async () => {
    const [committed, rolledBack] = [jest.fn(), jest.fn()];
    await transactions.run(async () => {
      const inner = async (): Promise<void> => {
        transactions.afterCommit(committed);
        transactions.afterRollback(rolledBack);
        return Promise.resolve().then(fail);
      };
      await expect(transactions.run(inner, { propagation: 'NESTED' })).rejects.toThrow('no stock');
      await nextTick();
      expect(rolledBack).toHaveBeenCalledTimes(1);
    });
    await nextTick();
    expect([committed.mock.calls.length, rolledBack.mock.calls.length]).toEqual([0, 1]);
  });

  it('refuse hooks outside', () => {
    expect(() => transactions.afterCommit(jest.fn())).toThrow(OutboxTransactionRequiredError);
    expect(() => transactions.afterRollback(jest.fn())).toThrow(OutboxTransactionRequiredError);
  });

  it.each([
    ['throws', fail],
    ['rejects', () => Promise.reject(new Error('no stock'))],
  ])('log a hook that %s, and call the others', async (_how, hook) => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation();
    const other = jest.fn();
    await transactions.run(async () => {
      transactions.afterCommit(hook);
      transactions.afterCommit(other);
      return Promise.resolve();
    });
    await nextTick();
    expect(other).toHaveBeenCalledTimes(1);
    expect(error.mock.calls).toEqual([['A hook that runs after the end of a transaction has failed: Error: no stock']]);
    error.mockRestore();
  });
});

describe('OutboxTestingModule', () => {
  @Injectable()
  class Orders {
    readonly log: string[] = [];

    constructor(
      private readonly outbox: OutboxRepository,
      private readonly transactions: OutboxTransactions,
    ) {}

    @Outboxed({ propagation: 'MANDATORY' })
    async charge(): Promise<void> {
      await this.outbox.addEvent(anEvent({ aggregateId: 'charge' }));
    }

    @Outboxed()
    async place(): Promise<void> {
      this.transactions.afterCommit(() => this.log.push('placed'));
      await this.charge();
    }

    @Outboxed({ propagation: 'NESTED' })
    async reserveAndFail(): Promise<void> {
      await this.outbox.addEvent(anEvent({ aggregateId: 'reserve' }));
      throw new Error('no stock');
    }

    @Outboxed()
    async placeWithoutReserve(): Promise<void> {
      await this.charge();
      await this.reserveAndFail().catch(() => undefined);
    }
  }

  it('gives them to services, and @Outboxed follows their propagation', async () => {
    const module = await Test.createTestingModule({
      imports: [OutboxTestingModule.forRoot()],
      providers: [Orders],
    }).compile();
    const [orders, outbox] = [module.get(Orders), module.get<TestingOutboxRepository>(OutboxRepository)];
    await expect(orders.charge()).rejects.toThrow(OutboxTransactionRequiredError);
    await orders.place();
    await orders.placeWithoutReserve();
    expect(orders.log).toEqual(['placed']);
    expect(outbox.events.map(({ aggregateId }) => aggregateId)).toEqual(['charge', 'charge']);
    await module.close();
  });

  it('gives those of a named data source under their own token', async () => {
    const module = await Test.createTestingModule({
      imports: [OutboxTestingModule.forRoot({ dataSource: 'billing' })],
    }).compile();
    expect(module.get(getTransactionsToken('billing'))).toBeInstanceOf(TestingTransactions);
    await module.close();
  });
});
