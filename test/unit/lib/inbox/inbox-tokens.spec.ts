import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Inbox } from '../../../../lib/inbox/inbox';
import { getInboxToken, InjectInbox } from '../../../../lib/inbox/inbox-tokens';

describe('the token of an inbox', () => {
  it('is the class itself for the default data source', () => {
    expect(getInboxToken()).toBe(Inbox);
    expect(getInboxToken('default')).toBe(Inbox);
  });

  it('is one of its own for each other data source', () => {
    expect(new Set([getInboxToken('a'), getInboxToken('b'), Inbox]).size).toBe(3);
    expect(getInboxToken('a')).toBe(getInboxToken('a'));
  });
});

describe('@InjectInbox', () => {
  it('injects the inbox of a data source', async () => {
    @Injectable()
    class Shipping {
      constructor(
        readonly byClass: Inbox,
        @InjectInbox() readonly byDefault: Inbox,
        @InjectInbox('other') readonly byName: Inbox,
      ) {}
    }
    const module = await Test.createTestingModule({
      providers: [
        Shipping,
        { provide: getInboxToken(), useValue: 'the default one' },
        { provide: getInboxToken('other'), useValue: 'the other one' },
      ],
    }).compile();
    const { byClass, byDefault, byName } = module.get(Shipping);
    expect({ byClass, byDefault, byName }).toEqual({
      byClass: 'the default one',
      byDefault: 'the default one',
      byName: 'the other one',
    });
    await module.close();
  });
});
