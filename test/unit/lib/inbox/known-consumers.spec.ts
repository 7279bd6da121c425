import { InboxOptionsInvalidError } from '../../../../lib/errors/inbox.errors';
import { KnownConsumers } from '../../../../lib/inbox/known-consumers';

describe('the options that come with each message', () => {
  it('are looked at once, as long as they are the same', () => {
    const known = new KnownConsumers();
    const id = (): string => 'a';
    const first = known.of({ consumer: 'shipping', id }, 'here');
    expect(known.of({ consumer: 'shipping', id }, 'here')).toBe(first);
    const others = [
      { consumer: 'shipping' },
      { consumer: 'shipping', id: () => 'b' },
      { consumer: 'shipping', maxAttempts: 3 },
    ];
    for (const options of others) {
      expect(known.of(options, 'here')).not.toBe(first);
      expect(known.of(options, 'here')).toMatchObject(options);
    }
  });

  it('are not those of another consumer', () => {
    const known = new KnownConsumers();
    known.of({ consumer: 'shipping', maxAttempts: 3 }, 'here');
    expect(known.of({ consumer: 'billing' }, 'here')).toMatchObject({ consumer: 'billing', maxAttempts: 10 });
    expect(known.of({ consumer: 'shipping', maxAttempts: 3 }, 'here').maxAttempts).toBe(3);
  });

  it('are not taken for the same where one says undefined and the other says nothing', () => {
    const known = new KnownConsumers();
    known.of({ consumer: 'shipping', id: undefined }, 'here');
    expect(known.of({ consumer: 'shipping', maxAttempts: 1 }, 'here').maxAttempts).toBe(1);
  });

  it('are looked at again when their object has changed', () => {
    const known = new KnownConsumers();
    const options = { consumer: 'shipping', maxAttempts: 3 };
    known.of(options, 'here');
    options.maxAttempts = 0;
    expect(() => known.of(options, 'here')).toThrow(InboxOptionsInvalidError);
  });

  it('are refused each time that they are wrong', () => {
    const known = new KnownConsumers();
    for (const wrong of [undefined, null, {}, { consumer: '' }]) {
      expect(() => known.of(wrong as never, 'here')).toThrow(InboxOptionsInvalidError);
      expect(() => known.of(wrong as never, 'here')).toThrow(InboxOptionsInvalidError);
    }
  });

  it('take no more memory, however many names are made up', () => {
    const known = new KnownConsumers();
    for (let n = 0; n < 1000; n++) {
      known.of({ consumer: `consumer-${n}` }, 'here');
    }
    expect((known as unknown as { known: Map<string, unknown> }).known.size).toBeLessThanOrEqual(100);
  });
});
