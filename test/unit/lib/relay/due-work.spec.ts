import type { BatchSender, Sent } from '../../../../lib/relay/batch-sender';
import type { DeliveryCounts } from '../../../../lib/relay/delivery-result';
import { DueWork, type DueResult } from '../../../../lib/relay/due-work';
import type { LaneCursors } from '../../../../lib/relay/lane-cursors';
import type { RelayStore } from '../../../../lib/relay/relay-store';
import type { WaitingEvents } from '../../../../lib/relay/waiting-events';
import type { LaneClaim } from '../../../../lib/store/lane-fence';
import { aPendingEvent } from '../support/a-pending-event';
import { FakeLeases } from '../support/fake-leases';

const [a, b] = [
  aPendingEvent({ seq: 70, lane: 1, attempts: 1, eventKey: 'a' }),
  aPendingEvent({ seq: 80, lane: 2, attempts: 1, eventKey: 'b' }),
] as const;
const NOTHING: Sent = { published: [], rejected: [], unsent: [], unavailable: undefined };
const refused = { ...b, reason: 'too large', retryInSeconds: 60 };
const dead = { ...b, reason: 'too large', retryInSeconds: null };

describe('what is due', () => {
  let leases: FakeLeases;
  let store: { ripen: jest.Mock; dueRetries: jest.Mock };
  let sender: { send: jest.Mock; record: jest.Mock<Promise<boolean>, [Sent, LaneClaim, DeliveryCounts, number]> };
  let cursors: { rewind: jest.Mock };
  let waiting: { seenTo: jest.Mock };
  let counts: DeliveryCounts;

  beforeEach(() => {
    leases = new FakeLeases([1, 2, 3]);
    leases.leaving.add(3);
    store = { ripen: jest.fn().mockResolvedValue(0), dueRetries: jest.fn().mockResolvedValue([]) };
    sender = {
      send: jest.fn().mockResolvedValue(NOTHING),
      record: jest.fn((_sent, _claim, _counts, _fetchedAt) => Promise.resolve(true)),
    };
    cursors = { rewind: jest.fn() };
    waiting = { seenTo: jest.fn() };
    counts = { published: 0, retried: 0, dead: 0 };
  });

  const see = (afterDeadLetter: 'hold' | 'continue' = 'continue', most = Infinity): Promise<DueResult> =>
    new DueWork(
      store as unknown as RelayStore,
      sender as unknown as BatchSender,
      leases.asLeases,
      cursors as unknown as LaneCursors,
      waiting as unknown as WaitingEvents,
      { batchSize: 100, maxBatchBytes: 5000, afterDeadLetter },
      () => 1234,
    ).run(counts, most);
  const seeRetries = (sent: Partial<Sent>, afterDeadLetter?: 'hold' | 'continue'): Promise<DueResult> => {
    store.dueRetries.mockResolvedValue([a, b]);
    sender.send.mockResolvedValue({ ...NOTHING, ...sent });
    return see(afterDeadLetter);
  };

  it('is looked for in the lanes that are not being given back, up to a batch', async () => {
    await see();
    expect(store.ripen.mock.calls).toEqual([[[1, 2], 100]]);
    expect(store.dueRetries.mock.calls).toEqual([[[1, 2], 100, 5000]]);
  });

  it('is taken up no further than it may be', async () => {
    await see('continue', 7);
    expect(store.dueRetries.mock.calls).toEqual([[[1, 2], 7, 5000]]);
  });

  it('is no reason to trouble the publisher where no retry is', async () => {
    await expect(see()).resolves.toEqual({ taken: 0, complete: true, unavailable: undefined });
    expect(sender.send).not.toHaveBeenCalled();
    expect(waiting.seenTo.mock.calls).toEqual([[false]]);
  });

  it('is seen to where delayed events have become ordinary: the next fetch finds them', async () => {
    store.ripen.mockResolvedValue(2);
    await see();
    expect(waiting.seenTo.mock.calls).toEqual([[true]]);
  });

  it('is sent and recorded by the same right, and counted', async () => {
    const sent = { ...NOTHING, published: [a, b] };
    await expect(seeRetries(sent)).resolves.toEqual({ taken: 2, complete: true, unavailable: undefined });
    const claim = leases.claim([1, 2]);
    expect(sender.send.mock.calls).toEqual([[[a, b], claim]]);
    expect(sender.record.mock.calls).toEqual([[sent, claim, counts, 1234]]);
    const [recorded] = sender.record.mock.calls as unknown[][];
    expect(recorded?.[2]).toBe(counts);
  });

  it('lets the lanes begin anew of which something was published: what waited behind it lies anywhere', async () => {
    await seeRetries({ published: [a], rejected: [refused] });
    expect(cursors.rewind.mock.calls).toEqual([[1, 1]]);
    expect(waiting.seenTo.mock.calls).toEqual([[true]]);
  });

  it('lets a lane begin anew where a dead letter lets its key go on', async () => {
    await seeRetries({ rejected: [dead] }, 'continue');
    expect(cursors.rewind.mock.calls).toEqual([[2, 1]]);
  });

  it('leaves a lane as it is where a dead letter holds its key', async () => {
    await seeRetries({ rejected: [dead] }, 'hold');
    expect(cursors.rewind).not.toHaveBeenCalled();
  });

  it('lets nothing begin anew before it is recorded', async () => {
    sender.record.mockImplementation(() => {
      expect(cursors.rewind).not.toHaveBeenCalled();
      return Promise.resolve(true);
    });
    await seeRetries({ published: [a, b] });
    expect(cursors.rewind).toHaveBeenCalledTimes(2);
  });

  it('is not seen to where nothing of it could be sent: it would go round in circles', async () => {
    const sent = { unsent: [a, b], unavailable: 'no broker' };
    await expect(seeRetries(sent)).resolves.toEqual({ taken: 2, complete: true, unavailable: 'no broker' });
    expect(waiting.seenTo.mock.calls).toEqual([[false]]);
    expect(cursors.rewind).not.toHaveBeenCalled();
  });

  it('tells where it could not be recorded: a lane was lost', async () => {
    sender.record.mockResolvedValue(false);
    await expect(seeRetries({ published: [a, b] })).resolves.toMatchObject({ complete: false });
  });

  it.each([
    ['the store', (): jest.Mock => store.ripen],
    ['the look for retries', (): jest.Mock => store.dueRetries],
    ['the sending', (): jest.Mock => sender.send],
    ['the recording', (): jest.Mock => sender.record as jest.Mock],
  ])('fails where %s fails', async (_what, mock) => {
    store.dueRetries.mockResolvedValue([a]);
    mock().mockRejectedValue(new Error('no database'));
    await expect(see()).rejects.toThrow('no database');
  });
});
