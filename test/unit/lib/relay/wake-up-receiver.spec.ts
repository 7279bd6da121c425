import { WakeUpReceiver } from '../../../../lib/relay/wake-up-receiver';

describe('what other processes say', () => {
  let leases: { laneBits: bigint; keep: jest.Mock<Promise<void>, []> };
  let wake: jest.Mock<undefined, []>;
  let receiver: WakeUpReceiver;
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) {
      await Promise.resolve();
    }
  };

  beforeEach(() => {
    leases = { laneBits: 0b110n, keep: jest.fn<Promise<void>, []>(() => Promise.resolve()) };
    wake = jest.fn<undefined, []>();
    receiver = new WakeUpReceiver(leases, 'me', wake);
  });

  it.each([
    ['of its lanes', 'events 4', 1],
    ['of lanes of others', 'events 9', 0],
    ['of both', 'events f', 1],
  ])('of events %s wakes the relay, or not', (_what, payload, times) => {
    receiver.receive(payload);
    expect(wake).toHaveBeenCalledTimes(times);
    expect(leases.keep).not.toHaveBeenCalled();
  });

  it('of shares makes it look after its own, and then for events', async () => {
    receiver.receive('shares another');
    expect(wake).not.toHaveBeenCalled();
    await turns();
    expect([leases.keep.mock.calls.length, wake.mock.calls.length]).toEqual([1, 1]);
  });

  it('of shares many times makes it look once more after the last', async () => {
    for (let n = 0; n < 100; n++) {
      receiver.receive(`shares another-${n}`);
    }
    await turns();
    expect([leases.keep.mock.calls.length, wake.mock.calls.length]).toEqual([2, 1]);
  });

  it('makes it go on where the look fails', async () => {
    leases.keep.mockRejectedValueOnce(new Error('no database'));
    receiver.receive('shares another');
    await turns();
    receiver.receive('shares another');
    await turns();
    expect([leases.keep.mock.calls.length, wake.mock.calls.length]).toEqual([2, 2]);
  });

  it('means nothing where it comes from itself, or cannot be read', async () => {
    receiver.receive('shares me');
    receiver.receive('something else');
    await turns();
    expect([leases.keep.mock.calls.length, wake.mock.calls.length]).toEqual([0, 0]);
  });
});
