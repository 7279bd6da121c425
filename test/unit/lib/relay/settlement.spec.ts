import { DataSource } from 'typeorm';
import { resolveOptions } from '../../../../lib/config/resolve-options';
import type { OutboxOptions } from '../../../../lib/config/outbox-options';
import type { PublishOutcome } from '../../../../lib/interfaces/outbox-publisher';
import { Settlement, type Verdict, type Recorded } from '../../../../lib/relay/settlement';
import type { LaneClaim } from '../../../../lib/store/lane-fence';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { SettlePublished } from '../../../../lib/store/settle-published';
import { settleRejected } from '../../../../lib/store/settle-rejected';
import { aPendingEvent } from '../support/a-pending-event';

jest.mock('../../../../lib/store/settle-published');
jest.mock('../../../../lib/store/settle-rejected');

const settlingPublished = jest.mocked(SettlePublished.prototype.run);
const settlingRejected = jest.mocked(settleRejected);

const dataSource = Object.create(DataSource.prototype) as DataSource;
const tables = Object.create(OutboxTables.prototype) as OutboxTables;

const published: PublishOutcome = { status: 'published' };
const retry: PublishOutcome = { status: 'retry' };
const rejected = (reason = 'too large'): PublishOutcome => ({ status: 'rejected', reason });

const [a, b, c] = [
  aPendingEvent({ seq: 1, lane: 4, eventKey: 'a' }),
  aPendingEvent({ seq: 2, lane: 5, eventKey: 'b' }),
  aPendingEvent({ seq: 3, lane: 6, eventKey: 'c', attempts: 2 }),
] as const;

function aSettlement(options: Partial<OutboxOptions> = {}, random = 0): Settlement {
  const resolved = resolveOptions({ relay: false, errorRetryIntervalSeconds: 30, maxRetries: 5, ...options });
  return new Settlement(dataSource, tables, resolved, () => random);
}

describe('a verdict', () => {
  it('tells what was published, what was rejected and what is still to be sent', () => {
    const verdict = aSettlement().judge([a, b, c], [published, rejected(), retry]);
    expect(verdict.published).toEqual([a]);
    expect(verdict.rejected).toEqual([{ ...b, reason: 'too large', retryInSeconds: 15 }]);
    expect(verdict.unsent).toEqual([c]);
  });

  it('takes of a key only the first refused event for refused, or the second could be tried again before it', () => {
    const again = aPendingEvent({ seq: 9, lane: 5, eventKey: 'b' });
    const verdict = aSettlement().judge([b, again, c], [rejected(), rejected(), rejected()]);
    expect(verdict.rejected.map(({ seq }) => seq)).toEqual([b.seq, c.seq]);
    expect(verdict.unsent).toEqual([again]);
  });

  it('takes an event without an outcome for one to be sent again', () => {
    expect(aSettlement().judge([a, b, c], [published])).toEqual({ published: [a], rejected: [], unsent: [b, c] });
  });

  it('takes no notice of more outcomes than events', () => {
    const verdict = aSettlement().judge([a], [published, published, rejected()]);
    expect(verdict).toEqual({ published: [a], rejected: [], unsent: [] });
  });

  it('doubles the time until the next try with each refusal, by chance', () => {
    const times = (random: number): (number | null)[] =>
      [0, 1, 2, 3].map((attempts) => {
        const verdict = aSettlement({}, random).judge([aPendingEvent({ attempts })], [rejected()]);
        return verdict.rejected[0]?.retryInSeconds ?? null;
      });
    expect(times(0)).toEqual([15, 30, 60, 120]);
    expect(times(0.5)).toEqual([22.5, 45, 90, 180]);
  });

  it.each([
    [0, 0, null],
    [1, 0, 15],
    [1, 1, null],
    [5, 4, 240],
    [5, 5, null],
    [5, 32_767, null],
  ])(
    'with %d retries allowed, after %d refusals, is to try again in %p seconds (none: never)',
    (maxRetries, attempts, seconds) => {
      const verdict = aSettlement({ maxRetries }).judge([aPendingEvent({ attempts })], [rejected()]);
      expect(verdict.rejected[0]?.retryInSeconds).toBe(seconds);
    },
  );

  it('shortens the reason, and takes out what PostgreSQL cannot store', () => {
    const verdict = aSettlement().judge([a], [rejected(`\0${'x'.repeat(5000)}`)]);
    expect(verdict.rejected[0]?.reason).toBe('x'.repeat(999));
  });
});

describe('the settling of a batch', () => {
  const claim: LaneClaim = { owner: 'me', lanes: [4, 5, 6, 7].map((lane) => ({ lane, epoch: `${lane}0` })) };
  const NOTHING: Verdict = { published: [], rejected: [], unsent: [] };

  beforeEach(() => {
    jest.resetAllMocks();
    settlingPublished.mockImplementation((_source, _claim, seqs) => Promise.resolve(seqs));
    settlingRejected.mockImplementation((_source, _tables, _claim, events) =>
      Promise.resolve(events.map(({ seq }) => seq)),
    );
  });

  const record = (verdict: Partial<Verdict>, options: Partial<OutboxOptions> = {}): Promise<Recorded> =>
    aSettlement(options).record({ ...NOTHING, ...verdict }, claim);
  const refused = { ...b, reason: 'too large', retryInSeconds: 15 };

  it('records what was published by the right to its lanes, and no others', async () => {
    await expect(record({ published: [a, c] })).resolves.toEqual({ published: [a, c], rejected: [] });
    const lanes = [
      { lane: 4, epoch: '40' },
      { lane: 6, epoch: '60' },
    ];
    expect(settlingPublished.mock.calls).toEqual([[dataSource, { owner: 'me', lanes }, [1, 3]]]);
    expect(settlingRejected).not.toHaveBeenCalled();
  });

  it.each([
    ['hold', true],
    ['continue', false],
  ] as const)('records what was rejected; a dead letter by the option %s', async (afterDeadLetter, holds) => {
    await expect(record({ rejected: [refused] }, { afterDeadLetter })).resolves.toEqual({
      published: [],
      rejected: [refused],
    });
    const right = { owner: 'me', lanes: [{ lane: 5, epoch: '50' }] };
    expect(settlingRejected.mock.calls).toEqual([[dataSource, tables, right, [refused], holds]]);
    expect(settlingPublished).not.toHaveBeenCalled();
  });

  it('records nothing of what is still to be sent', async () => {
    await expect(record({ unsent: [a, b] })).resolves.toEqual({ published: [], rejected: [] });
    expect(settlingPublished).not.toHaveBeenCalled();
    expect(settlingRejected).not.toHaveBeenCalled();
  });

  it.each([
    ['published', () => settlingPublished.mockResolvedValue([3]), { published: [c], rejected: [refused] }],
    ['rejected', () => settlingRejected.mockResolvedValue([]), { published: [a, c], rejected: [] }],
  ])('says which could be recorded where not all that was %s could: a lane was lost', async (_what, lose, recorded) => {
    lose();
    await expect(record({ published: [a, c], rejected: [refused] })).resolves.toEqual(recorded);
  });

  it.each([
    [24, true],
    [0, false],
  ])('keeps what was published for %d hours: %p', (publishedHours, keep) => {
    aSettlement({ retention: { publishedHours } });
    expect(jest.mocked(SettlePublished).mock.calls).toEqual([[tables, keep, true]]);
  });

  it('fails where the database does', async () => {
    settlingPublished.mockRejectedValue(new Error('no database'));
    await expect(record({ published: [a] })).rejects.toThrow('no database');
  });
});
