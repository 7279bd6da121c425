import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import type {
  OutboxMessage,
  PublishContext,
  PublishOutcome,
  PublishResult,
} from '../../../../lib/interfaces/outbox-publisher';
import { BatchSender, type Sent } from '../../../../lib/relay/batch-sender';
import type { DeliveryCounts } from '../../../../lib/relay/delivery-result';
import { RelayReport } from '../../../../lib/relay/relay-report';
import type { Recorded, Settlement, Verdict } from '../../../../lib/relay/settlement';
import { toMessage } from '../../../../lib/relay/to-message';
import type { PendingEvent } from '../../../../lib/store/pending-event';
import { aPendingEvent } from '../support/a-pending-event';
import { FakeLeases } from '../support/fake-leases';

const published: PublishOutcome = { status: 'published' };
const retry: PublishOutcome = { status: 'retry' };
const rejected: PublishOutcome = { status: 'rejected', reason: 'too large' };

const [a, b, c] = [1, 2, 3].map((seq) => aPendingEvent({ seq, lane: seq, id: `id-${seq}` })) as [
  PendingEvent,
  PendingEvent,
  PendingEvent,
];

describe('the sender of batches', () => {
  let leases: FakeLeases;
  let publish: jest.Mock<Promise<PublishResult>, [readonly OutboxMessage[], PublishContext]>;
  let record: jest.Mock<Promise<Recorded>, [Verdict, unknown]>;
  let activities: OutboxActivity[];
  let report: RelayReport;
  let sender: BatchSender;

  beforeEach(() => {
    leases = new FakeLeases([1, 2, 3]);
    publish = jest.fn((batch, _context) => Promise.resolve({ outcomes: batch.map(() => published) }));
    record = jest.fn(({ published: settled, rejected: refused }, _claim) =>
      Promise.resolve({ published: settled, rejected: refused }),
    );
    activities = [];
    report = new RelayReport((activity) => void activities.push(activity));
    jest.spyOn(report, 'publisherReached');
    jest.spyOn(report, 'databaseReached');
    const judge = (events: readonly PendingEvent[], outcomes: readonly PublishOutcome[]): Verdict => {
      const of = (...status: unknown[]): PendingEvent[] =>
        events.filter((_, i) => status.includes(outcomes[i]?.status));
      const refused = of('rejected').map((event) => ({ ...event, reason: 'too large', retryInSeconds: 30 }));
      return { published: of('published'), rejected: refused, unsent: of('retry', undefined) };
    };
    const settlement = { judge, record } as unknown as Settlement;
    const publisher = { connect: jest.fn(), publish, disconnect: jest.fn() };
    sender = new BatchSender(publisher, leases.asLeases, settlement, '/orders', report, () => 5000);
  });

  const claim = (): ReturnType<FakeLeases['claim']> => leases.claim([1, 2, 3]);
  const sent = (): string[][] => publish.mock.calls.map(([batch]) => batch.map(({ id }) => id));

  it('sends all that was fetched in its order, in one batch', async () => {
    await expect(sender.send([b, a], claim())).resolves.toEqual({
      published: [b, a],
      rejected: [],
      unsent: [],
      unavailable: undefined,
    });
    expect(publish.mock.calls.map(([batch]) => batch)).toEqual([[toMessage(b, '/orders'), toMessage(a, '/orders')]]);
  });

  describe('where lanes were lost since the fetch', () => {
    it('does not send what is of these, and says that it is unsent', async () => {
      const before = claim();
      leases.owned.delete(2);
      await expect(sender.send([a, b, c], before)).resolves.toMatchObject({ published: [a, c], unsent: [b] });
      expect(sent()).toEqual([['id-1', 'id-3']]);
    });

    it('does not send what is of a lane that was taken again: its new epoch begins it anew', async () => {
      const before = claim();
      leases.owned.set(2, '3');
      await expect(sender.send([a, b], before)).resolves.toMatchObject({ published: [a], unsent: [b] });
    });

    it('sends what is of lanes that are being given back: that waits for it', async () => {
      const before = claim();
      leases.leaving.add(2);
      await expect(sender.send([a, b], before)).resolves.toMatchObject({ published: [a, b], unsent: [] });
    });

    it('does not trouble the publisher where nothing is left, and takes it for no outage', async () => {
      const before = claim();
      leases.owned.delete(2);
      await expect(sender.send([b], before)).resolves.toEqual({
        published: [],
        rejected: [],
        unsent: [b],
        unavailable: undefined,
      });
      expect(publish).not.toHaveBeenCalled();
    });
  });

  it('sends nothing while the leases cannot be relied on, and takes it for no outage', async () => {
    leases.reliable = false;
    const result = await sender.send([a, b], claim());
    expect(result).toMatchObject({ unsent: [a, b], unavailable: undefined });
    expect(publish).not.toHaveBeenCalled();
  });

  describe('lets the publisher go on', () => {
    /** What it is told while it sends, before and after something happens. */
    async function told(happens: () => void): Promise<boolean[]> {
      const answers: boolean[] = [];
      publish.mockImplementation((batch, { mayContinue }) => {
        answers.push(mayContinue());
        happens();
        answers.push(mayContinue());
        return Promise.resolve({ outcomes: batch.map(() => retry) });
      });
      const before = claim();
      leases.owned.delete(3);
      await sender.send([a, b, c], before);
      return answers;
    }

    it('as long as nothing happens, also where a lane was lost before', async () => {
      await expect(told(() => undefined)).resolves.toEqual([true, true]);
    });

    it('not once the leases cannot be relied on', async () => {
      await expect(told(() => (leases.reliable = false))).resolves.toEqual([true, false]);
    });

    it('not once another lane is lost', async () => {
      await expect(told(() => leases.owned.delete(2))).resolves.toEqual([true, false]);
    });

    it('though a lane is being given back', async () => {
      await expect(told(() => leases.leaving.add(2))).resolves.toEqual([true, true]);
    });
  });

  describe('tells of an outage', () => {
    const outcome = async (outcomes: readonly PublishOutcome[], unavailable?: string): Promise<Sent> => {
      publish.mockResolvedValue(unavailable === undefined ? { outcomes } : { outcomes, unavailable });
      return sender.send([a, b], claim());
    };

    it('with the reason that the publisher gives', async () => {
      await expect(outcome([retry, retry], 'no broker')).resolves.toMatchObject({ unavailable: 'no broker' });
    });

    it('also where some were published before', async () => {
      await expect(outcome([published, retry], 'no broker')).resolves.toMatchObject({
        published: [a],
        unsent: [b],
        unavailable: 'no broker',
      });
    });

    it('where the publisher took nothing and gave no reason, so that nobody goes round in circles', async () => {
      const unavailable = 'the publisher took no event and gave no reason';
      await expect(outcome([retry, retry])).resolves.toMatchObject({ unavailable });
      await expect(outcome([])).resolves.toMatchObject({ unsent: [a, b], unavailable });
    });

    it.each([
      ['published', published],
      ['rejected', rejected],
    ])('not where something was %s', async (_what, result) => {
      await expect(outcome([retry, result])).resolves.toMatchObject({ unavailable: undefined });
    });

    it('not where the publisher was not allowed to go on', async () => {
      publish.mockImplementation((batch) => {
        leases.owned.delete(1);
        return Promise.resolve({ outcomes: batch.map(() => retry) });
      });
      await expect(sender.send([a, b], claim())).resolves.toMatchObject({ unsent: [a, b], unavailable: undefined });
    });
  });

  it.each<[string, PublishResult, number]>([
    ['where it has acknowledged something', { outcomes: [retry, published] }, 1],
    [
      'where it has acknowledged something before it went away',
      { outcomes: [published, retry], unavailable: 'no broker' },
      1,
    ],
    ['where it has refused all: that takes a broker as well', { outcomes: [rejected, rejected] }, 1],
    [
      'not where it is away, though something was refused',
      { outcomes: [rejected, retry], unavailable: 'no broker' },
      0,
    ],
    ['not where nothing has become of anything', { outcomes: [retry, retry] }, 0],
  ])('reports that the broker is reached: %s', async (_where, result, times) => {
    publish.mockResolvedValueOnce(result);
    await sender.send([a, b], claim());
    expect(report.publisherReached).toHaveBeenCalledTimes(times);
  });

  it('fails where the publisher throws', async () => {
    publish.mockRejectedValue(new TypeError('a programming error'));
    await expect(sender.send([a], claim())).rejects.toThrow('a programming error');
  });

  describe('records', () => {
    const verdict: Verdict = {
      published: [a],
      rejected: [
        { ...b, reason: 'too large', retryInSeconds: 30 },
        { ...c, reason: 'too large', retryInSeconds: null },
      ],
      unsent: [],
    };
    let counts: DeliveryCounts;

    beforeEach(() => {
      counts = { published: 10, retried: 20, dead: 30 };
    });

    it('what became of a batch, and counts it', async () => {
      const right = claim();
      await expect(sender.record(verdict, right, counts, 4500)).resolves.toBe(true);
      expect(record.mock.calls).toEqual([[verdict, right]]);
      expect(counts).toEqual({ published: 11, retried: 21, dead: 31 });
      expect(report.databaseReached).toHaveBeenCalledTimes(1);
    });

    it('what it may, and counts no more, where a lane was lost: its new owner delivers again', async () => {
      record.mockResolvedValue({ published: [], rejected: [verdict.rejected[0]!] });
      await expect(sender.record(verdict, claim(), counts, 4500)).resolves.toBe(false);
      expect(counts).toEqual({ published: 10, retried: 21, dead: 30 });
      expect(activities).toContainEqual({ type: 'unsettled', events: 1 });
      expect(activities.map(({ type }) => type)).not.toContain('published');
    });

    it('and tells of it, with the age that events have by the database and the time since the fetch', async () => {
      const old = { ...a, ageMs: 1000 };
      await sender.record({ ...verdict, published: [old] }, claim(), counts, 4500);
      const named = ({ id }: PendingEvent): object => ({ id, eventType: 'OrderPlaced', topic: 'orders', key: '4711' });
      const bytes = 3 * a.eventData.length;
      expect(activities).toEqual([
        { type: 'batch', events: 3, bytes, seconds: 0.5 },
        { type: 'published', events: [{ ...named(old), ageSeconds: 1.5 }] },
        { type: 'retried', events: [{ ...named(b), attempts: 1, reason: 'too large', retryInSeconds: 30 }] },
        { type: 'dead', events: [{ ...named(c), attempts: 1, reason: 'too large' }] },
      ]);
    });

    it('and tells of nothing where nothing was sent', async () => {
      await sender.record({ published: [], rejected: [], unsent: [a] }, claim(), counts, 4500);
      expect(activities).toEqual([]);
    });

    it('nothing where the database fails', async () => {
      record.mockRejectedValue(new Error('no database'));
      await expect(sender.record(verdict, claim(), counts, 4500)).rejects.toThrow('no database');
      expect(activities).toEqual([{ type: 'unsettled', events: 1 }]);
      expect(counts).toEqual({ published: 10, retried: 20, dead: 30 });
      expect(report.databaseReached).not.toHaveBeenCalled();
    });
  });
});
