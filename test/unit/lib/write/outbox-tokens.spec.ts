import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  getOutboxToken,
  getTransactionsToken,
  InjectOutbox,
  InjectTransactions,
} from '../../../../lib/write/outbox-tokens';
import { OutboxTransactions } from '../../../../lib/transaction/outbox-transactions';
import { OutboxRepository } from '../../../../lib/write/outbox.repository';

describe('the token of an outbox', () => {
  it('is the class itself for the default data source', () => {
    expect(getOutboxToken()).toBe(OutboxRepository);
    expect(getOutboxToken('default')).toBe(OutboxRepository);
  });

  it('is one of its own for each other data source', () => {
    const tokens = [getOutboxToken('a'), getOutboxToken('b')];
    expect(new Set([...tokens, OutboxRepository]).size).toBe(3);
    expect(getOutboxToken('a')).toBe(tokens[0]);
  });
});

describe('@InjectOutbox', () => {
  it('injects the outbox of a data source, into constructors and properties', async () => {
    @Injectable()
    class Orders {
      @InjectOutbox('other') readonly property!: OutboxRepository;
      constructor(
        readonly byClass: OutboxRepository,
        @InjectOutbox() readonly byDefault: OutboxRepository,
        @InjectOutbox('other') readonly byName: OutboxRepository,
      ) {}
    }
    const module = await Test.createTestingModule({
      providers: [
        Orders,
        { provide: getOutboxToken(), useValue: 'the default one' },
        { provide: getOutboxToken('other'), useValue: 'the other one' },
      ],
    }).compile();
    const { byClass, byDefault, byName, property } = module.get(Orders);
    expect({ byClass, byDefault, byName, property }).toEqual({
      byClass: 'the default one',
      byDefault: 'the default one',
      byName: 'the other one',
      property: 'the other one',
    });
  });
});

describe('the token of transactions', () => {
  it('is the class itself for the default data source', () => {
    expect(getTransactionsToken()).toBe(OutboxTransactions);
    expect(getTransactionsToken('default')).toBe(OutboxTransactions);
  });

  it('is one of its own for each other data source, and not that of the outbox', () => {
    const tokens = [getTransactionsToken('a'), getTransactionsToken('b'), getOutboxToken('a'), getOutboxToken('b')];
    expect(new Set([...tokens, OutboxTransactions]).size).toBe(5);
    expect(getTransactionsToken('a')).toBe(tokens[0]);
  });
});

describe('@InjectTransactions', () => {
  it('injects the transactions of a data source', async () => {
    @Injectable()
    class Orders {
      constructor(
        readonly byClass: OutboxTransactions,
        @InjectTransactions() readonly byDefault: OutboxTransactions,
        @InjectTransactions('other') readonly byName: OutboxTransactions,
      ) {}
    }
    const module = await Test.createTestingModule({
      providers: [
        Orders,
        { provide: getTransactionsToken(), useValue: 'the default ones' },
        { provide: getTransactionsToken('other'), useValue: 'the other ones' },
      ],
    }).compile();
    const { byClass, byDefault, byName } = module.get(Orders);
    expect({ byClass, byDefault, byName }).toEqual({
      byClass: 'the default ones',
      byDefault: 'the default ones',
      byName: 'the other ones',
    });
  });
});
