import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getOutboxToken, InjectOutbox } from '../../../../lib/write/outbox-tokens';
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
