import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  getDeadLettersToken,
  getInboxDeadLettersToken,
  InjectDeadLetters,
  InjectInboxDeadLetters,
} from '../../../../lib/admin/dead-letters-tokens';
import { InboxDeadLetters } from '../../../../lib/admin/inbox-dead-letters';
import { OutboxDeadLetters } from '../../../../lib/admin/outbox-dead-letters';

describe('the token of dead letters', () => {
  it('is the class itself for the default data source', () => {
    expect(getDeadLettersToken()).toBe(OutboxDeadLetters);
    expect(getDeadLettersToken('default')).toBe(OutboxDeadLetters);
  });

  it('is one of its own for each other data source', () => {
    const tokens = [getDeadLettersToken('a'), getDeadLettersToken('b')];
    expect(new Set([...tokens, OutboxDeadLetters]).size).toBe(3);
    expect(getDeadLettersToken('a')).toBe(tokens[0]);
  });
});

describe('@InjectDeadLetters', () => {
  it('injects the dead letters of a data source', async () => {
    @Injectable()
    class Operators {
      constructor(
        readonly byClass: OutboxDeadLetters,
        @InjectDeadLetters() readonly byDefault: OutboxDeadLetters,
        @InjectDeadLetters('other') readonly byName: OutboxDeadLetters,
      ) {}
    }
    const module = await Test.createTestingModule({
      providers: [
        Operators,
        { provide: getDeadLettersToken(), useValue: 'the default ones' },
        { provide: getDeadLettersToken('other'), useValue: 'the other ones' },
      ],
    }).compile();
    const { byClass, byDefault, byName } = module.get(Operators);
    expect({ byClass, byDefault, byName }).toEqual({
      byClass: 'the default ones',
      byDefault: 'the default ones',
      byName: 'the other ones',
    });
  });
});

describe('the token of dead letters of the inbox', () => {
  it('is the class itself for the default data source', () => {
    expect(getInboxDeadLettersToken()).toBe(InboxDeadLetters);
    expect(getInboxDeadLettersToken('default')).toBe(InboxDeadLetters);
  });

  it('is one of its own for each other data source, and none of the outbox', () => {
    const tokens = [getInboxDeadLettersToken('a'), getInboxDeadLettersToken('b'), getDeadLettersToken('a')];
    expect(new Set([...tokens, InboxDeadLetters]).size).toBe(4);
    expect(getInboxDeadLettersToken('a')).toBe(tokens[0]);
  });
});

describe('@InjectInboxDeadLetters', () => {
  it('injects the dead letters of the inbox of a data source', async () => {
    @Injectable()
    class Operators {
      constructor(
        readonly byClass: InboxDeadLetters,
        @InjectInboxDeadLetters() readonly byDefault: InboxDeadLetters,
        @InjectInboxDeadLetters('other') readonly byName: InboxDeadLetters,
      ) {}
    }
    const module = await Test.createTestingModule({
      providers: [
        Operators,
        { provide: getInboxDeadLettersToken(), useValue: 'the default ones' },
        { provide: getInboxDeadLettersToken('other'), useValue: 'the other ones' },
      ],
    }).compile();
    const { byClass, byDefault, byName } = module.get(Operators);
    expect({ byClass, byDefault, byName }).toEqual({
      byClass: 'the default ones',
      byDefault: 'the default ones',
      byName: 'the other ones',
    });
  });
});
