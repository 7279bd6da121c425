import { DataSource } from 'typeorm';
import { resolveOptions } from '../../../../lib/config/resolve-options';
import type {
  OutboxMessage,
  OutboxPublisher,
  PublishOutcome,
  PublishResult,
} from '../../../../lib/interfaces/outbox-publisher';
import { HeldKeys } from '../../../../lib/relay/held-keys';
import type { LaneLeases } from '../../../../lib/relay/lane-leases';
import { RelayCycle } from '../../../../lib/relay/relay-cycle';
import { toMessage } from '../../../../lib/relay/to-message';
import { fetchPending, type PendingEvent } from '../../../../lib/store/fetch-pending';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { settlePublished } from '../../../../lib/store/settle-published';
import { settleRejected } from '../../../../lib/store/settle-rejected';
import { aPendingEvent } from '../support/a-pending-event';
import { ManualClock } from '../support/manual-clock';

jest.mock('../../../../lib/store/fetch-pending');
jest.mock('../../../../lib/store/settle-published');
jest.mock('../../../../lib/store/settle-rejected');

const fetching = jest.mocked(fetchPending);
const settlingPublished = jest.mocked(settlePublished);
const settlingRejected = jest.mocked(settleRejected);

const dataSource = Object.create(DataSource.prototype) as DataSource;
const tables = Object.create(OutboxTables.prototype) as OutboxTables;
const options = resolveOptions({
  relay: false,
  batchSize: 10,
  maxBatchBytes: 70_000,
  errorRetryIntervalSeconds: 30,
  source: '/orders',
});

const published: PublishOutcome = { status: 'published' };
const retry: PublishOutcome = { status: 'retry' };
const rejected = (reason: string): PublishOutcome => ({ status: 'rejected', reason });

/** Leases that a test sets, in the place of those in the database. */
class FakeLeases {
  lanes: readonly number[] = [1, 2];
  maySend = true;
  keepDue = false;
  readonly keep = jest.fn(() => Promise.resolve());
  readonly claim = jest.fn((lanes: Iterable<number>) => ({
    owner: 'me',
    lanes: [...lanes].map((lane) => ({ lane, epoch: '1' })),
  }));
}

describe('a round of the relay', () => {
  let leases: FakeLeases;
  let held: HeldKeys;
  let publish: jest.Mock<Promise<PublishResult>, [readonly OutboxMessage[]]>;
  let cycle: RelayCycle;

  beforeEach(() => {
    jest.resetAllMocks();
    leases = new FakeLeases();
    held = new HeldKeys(new ManualClock().read);
    publish = jest.fn<Promise<PublishResult>, [readonly OutboxMessage[]]>();
    const publisher: OutboxPublisher = { connect: jest.fn(), publish, disconnect: jest.fn() };
    cycle = new RelayCycle(dataSource, tables, publisher, leases as unknown as LaneLeases, held, options, () => 0);
    settlingPublished.mockImplementation((_dataSource, _tables, _claim, seqs) => Promise.resolve(seqs.length));
    settlingRejected.mockImplementation((_dataSource, _tables, _claim, events) => Promise.resolve(events.length));
  });

  /** A round with these events, of which this becomes. */
  function roundOf(events: readonly PendingEvent[], result: PublishResult): ReturnType<RelayCycle['run']> {
    fetching.mockResolvedValue(events);
    publish.mockResolvedValue(result);
    return cycle.run();
  }

  const [a, b, c] = [
    aPendingEvent({ seq: '1', eventKey: 'a', id: 'id-a' }),
    aPendingEvent({ seq: '2', eventKey: 'b', id: 'id-b' }),
    aPendingEvent({ seq: '3', eventKey: 'c', id: 'id-c', attempts: 2 }),
  ] as const;

  describe('that may not send', () => {
    it.each([
      ['it owns no lane', { lanes: [] }],
      ['its leases cannot be relied on', { maySend: false }],
    ])('does nothing where %s', async (_why, state) => {
      Object.assign(leases, state);
      await expect(cycle.run()).resolves.toBe('idle');
      expect(fetching).not.toHaveBeenCalled();
    });

    it('looks for lanes first, where that is due', async () => {
      leases.lanes = [];
      leases.keepDue = true;
      leases.keep.mockImplementation(() => {
        leases.lanes = [5];
        return Promise.resolve();
      });
      await expect(roundOf([a], { outcomes: [published] })).resolves.toBe('progress');
      expect(fetching.mock.calls[0]?.[2].lanes).toEqual([5]);
    });

    it('does not look for lanes where that is not due', async () => {
      await roundOf([], { outcomes: [] });
      expect(leases.keep).not.toHaveBeenCalled();
    });

    it('sends nothing where the leases have run out during the fetch', async () => {
      fetching.mockImplementation(() => {
        leases.maySend = false;
        return Promise.resolve([a]);
      });
      await expect(cycle.run()).resolves.toBe('idle');
      expect(publish).not.toHaveBeenCalled();
    });
  });

  it('fetches what the options allow, and nothing of keys that wait', async () => {
    held.hold('waiting', 60);
    await roundOf([], { outcomes: [] });
    expect(fetching.mock.calls).toEqual([
      [dataSource, tables, { lanes: [1, 2], heldKeys: ['waiting'], limit: 10, maxBytes: 70_000 }],
    ]);
  });

  it('is idle where nothing is pending, and does not trouble the publisher', async () => {
    await expect(roundOf([], { outcomes: [] })).resolves.toBe('idle');
    expect(publish).not.toHaveBeenCalled();
    expect(settlingPublished).not.toHaveBeenCalled();
  });

  it('sends all that was fetched in its order, in one batch', async () => {
    await roundOf([a, b], { outcomes: [published, published] });
    expect(publish.mock.calls.map(([batch]) => batch)).toEqual([[toMessage(a, '/orders'), toMessage(b, '/orders')]]);
  });

  it('settles what was published by the right to its lanes, in one statement', async () => {
    await expect(roundOf([a, b, c], { outcomes: [published, retry, published] })).resolves.toBe('progress');
    expect(settlingPublished.mock.calls).toEqual([
      [
        dataSource,
        tables,
        {
          owner: 'me',
          lanes: [
            { lane: a.lane, epoch: '1' },
            { lane: c.lane, epoch: '1' },
          ],
        },
        ['1', '3'],
      ],
    ]);
    expect(settlingRejected).not.toHaveBeenCalled();
  });

  it('settles what was rejected with the reason and the time of the next try, and holds its key until then', async () => {
    await expect(roundOf([a, c], { outcomes: [rejected('too large'), rejected('unknown topic')] })).resolves.toBe(
      'progress',
    );
    expect(settlingPublished).not.toHaveBeenCalled();
    const [, , , events] = settlingRejected.mock.calls[0] ?? [];
    expect(events).toEqual([
      expect.objectContaining({ seq: '1', reason: 'too large', retryInSeconds: 15 }),
      // Refused twice before: 30 s doubled twice, and chance at its least takes half of it.
      expect.objectContaining({ seq: '3', reason: 'unknown topic', retryInSeconds: 60 }),
    ]);
    expect(held.current()).toEqual(['a', 'c']);
  });

  it('shortens the reason, and takes out what PostgreSQL cannot store', async () => {
    await roundOf([a], { outcomes: [rejected(`\0${'x'.repeat(5000)}`)] });
    expect(settlingRejected.mock.calls[0]?.[3][0]?.reason).toBe('x'.repeat(999));
  });

  it('records nothing of what is to be sent again, and holds no key for it', async () => {
    await roundOf([a, b], { outcomes: [published, retry] });
    expect(settlingPublished.mock.calls[0]?.[3]).toEqual(['1']);
    expect(settlingRejected).not.toHaveBeenCalled();
    expect(held.current()).toEqual([]);
  });

  it('takes an event without an outcome for one to be sent again', async () => {
    await roundOf([a, b], { outcomes: [published] });
    expect(settlingPublished.mock.calls[0]?.[3]).toEqual(['1']);
  });

  describe('while the broker is away', () => {
    it('says so, with the reason, and charges no event with an attempt', async () => {
      await expect(roundOf([a, b], { outcomes: [retry, retry], unavailable: 'no broker' })).resolves.toEqual({
        unavailable: 'no broker',
      });
      expect(settlingPublished).not.toHaveBeenCalled();
      expect(settlingRejected).not.toHaveBeenCalled();
      expect(held.current()).toEqual([]);
    });

    it('settles first what was done before it went away', async () => {
      await expect(
        roundOf([a, b, c], { outcomes: [published, rejected('too large'), retry], unavailable: 'no broker' }),
      ).resolves.toEqual({ unavailable: 'no broker' });
      expect(settlingPublished.mock.calls[0]?.[3]).toEqual(['1']);
      expect(settlingRejected.mock.calls[0]?.[3]).toHaveLength(1);
    });

    it('is not in a hurry where the publisher took nothing and gave no reason', async () => {
      await expect(roundOf([a], { outcomes: [retry] })).resolves.toEqual({
        unavailable: 'the publisher took no event and gave no reason',
      });
    });
  });

  describe('of which fewer events could be settled than were sent', () => {
    it('looks at its lanes again: one was taken over', async () => {
      settlingPublished.mockResolvedValue(1);
      await expect(roundOf([a, b], { outcomes: [published, published] })).resolves.toBe('progress');
      expect(leases.keep).toHaveBeenCalledTimes(1);
    });

    it('looks at its lanes again also where they were rejected', async () => {
      settlingRejected.mockResolvedValue(0);
      await roundOf([a], { outcomes: [rejected('too large')] });
      expect(leases.keep).toHaveBeenCalledTimes(1);
    });
  });

  it('does not look at its lanes where all was settled', async () => {
    await roundOf([a, b], { outcomes: [published, rejected('too large')] });
    expect(leases.keep).not.toHaveBeenCalled();
  });

  it.each([
    ['the fetch', () => fetching.mockRejectedValue(new Error('no database'))],
    ['the publisher', () => publish.mockRejectedValue(new Error('no database'))],
    ['the settling', () => settlingPublished.mockRejectedValue(new Error('no database'))],
  ])('fails where %s fails', async (_what, breakIt) => {
    fetching.mockResolvedValue([a]);
    publish.mockResolvedValue({ outcomes: [published] });
    breakIt();
    await expect(cycle.run()).rejects.toThrow('no database');
  });
});
