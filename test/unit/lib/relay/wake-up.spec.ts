import { fromPayload, toPayload, type WakeUp } from '../../../../lib/relay/wake-up';

describe('a wake-up', () => {
  it.each<WakeUp>([
    { kind: 'events', lanes: 1n },
    { kind: 'events', lanes: 2n ** 64n - 1n },
    { kind: 'shares', from: 'b8b4a0a0-0000-4000-8000-000000000001' },
    { kind: 'test', token: 'b8b4a0a0-0000-4000-8000-000000000002' },
  ])('is read as it was sent: %p', (wakeUp) => {
    expect(fromPayload(toPayload(wakeUp))).toEqual(wakeUp);
  });

  it.each(['', 'events', 'events ', 'events xyz', 'events 11112222333344445', 'news of tomorrow'])(
    'is none that could be read: "%s"',
    (payload) => {
      expect(fromPayload(payload)).toBeUndefined();
    },
  );
});
