import { SchedulerRegistry } from '@nestjs/schedule';
import type { OutboxActivity } from '../../../../lib/interfaces/outbox-activity';
import { RelayCondition } from '../../../../lib/observe/relay-condition';
import { SilenceDetector } from '../../../../lib/observe/silence-detector';
import type { Overdue } from '../../../../lib/store/read-overdue';
import { ManualClock } from '../support/manual-clock';

const NOTHING: Overdue = { own: false, ownAreHeld: false, orphaned: false };
const OWN: Overdue = { ...NOTHING, own: true };
const ORPHANED: Overdue = { ...NOTHING, orphaned: true };

describe('the detector of silence', () => {
  let clock: ManualClock;
  let condition: RelayCondition;
  let told: OutboxActivity[];
  let readOverdue: jest.Mock<Promise<Overdue>, [readonly number[], number]>;
  let registry: SchedulerRegistry;
  let detector: SilenceDetector;

  const aDetector = (silenceSeconds: number): SilenceDetector =>
    new SilenceDetector('default', registry, {
      condition,
      lanes: () => [1, 2],
      readOverdue,
      tell: (activity) => {
        told.push(activity);
        condition.note(activity);
      },
      clock: clock.read,
      silenceSeconds,
    });

  beforeEach(() => {
    jest.useFakeTimers();
    clock = new ManualClock();
    condition = new RelayCondition(clock.read);
    told = [];
    readOverdue = jest.fn((_lanes, _seconds) => Promise.resolve(NOTHING));
    registry = new SchedulerRegistry();
    detector = aDetector(60);
    clock.advance(61_000);
  });
  afterEach(() => {
    detector.beforeApplicationShutdown();
    jest.useRealTimers();
  });

  const reasons = (): (string | undefined)[] =>
    told.map((activity) => (activity.type === 'silent' ? activity.reason : activity.type));

  it('asks the database only when nothing was settled for the time, and of the lanes of this process', async () => {
    condition.note({ type: 'published', events: [] });
    await detector.look();
    expect(readOverdue).not.toHaveBeenCalled();
    clock.advance(60_000);
    await detector.look();
    expect(readOverdue.mock.calls).toEqual([[[1, 2], 60]]);
    expect(told).toEqual([]);
  });

  it.each<[string, Overdue, readonly OutboxActivity[]]>([
    ['publisher_unavailable', OWN, [{ type: 'publisher-down', reason: 'away' }]],
    ['publisher_hangs', OWN, [{ type: 'publisher-hangs', seconds: 30 }]],
    ['publisher_hangs', ORPHANED, [{ type: 'publisher-hangs', seconds: 30 }]],
    ['database', OWN, [{ type: 'delivery-failed', reason: 'gone' }]],
    ['keys_held', { ...OWN, ownAreHeld: true }, []],
    ['unknown', OWN, []],
    ['unknown', OWN, [{ type: 'publisher-down', reason: 'away' }, { type: 'publisher-up' }]],
    ['no_lane_owner', ORPHANED, []],
    ['lease_lost', ORPHANED, [{ type: 'lease-lost', lanes: [1] }]],
  ])('knows the reason: %s', async (reason, overdue, before) => {
    before.forEach((activity) => condition.note(activity));
    readOverdue.mockResolvedValue(overdue);
    await detector.look();
    expect(told).toEqual([{ type: 'silent', reason, seconds: 61 }]);
  });

  it('tells it once, again when the reason changes, and of its end', async () => {
    readOverdue.mockResolvedValue(OWN);
    await detector.look();
    await detector.look();
    condition.note({ type: 'publisher-down', reason: 'away' });
    await detector.look();
    condition.note({ type: 'published', events: [] });
    await detector.look();
    expect(reasons()).toEqual(['unknown', 'publisher_unavailable', 'silence-over']);
  });

  it('does not take a database that cannot be asked for the end of a silence, nor for its beginning', async () => {
    readOverdue.mockRejectedValueOnce(new Error('no database'));
    await detector.look();
    expect(told).toEqual([]);
    readOverdue.mockResolvedValueOnce(OWN).mockRejectedValueOnce(new Error('no database'));
    await detector.look();
    await detector.look();
    expect(reasons()).toEqual(['unknown', 'database']);
  });

  it('looks four times in its time, one after the other, and not at all after the shutdown or if it is not wanted', async () => {
    aDetector(0).onApplicationBootstrap();
    expect(registry.getIntervals()).toEqual([]);
    let end = (_overdue: Overdue): void => undefined;
    readOverdue.mockReturnValueOnce(
      new Promise((resolve) => {
        end = resolve;
      }),
    );
    detector.onApplicationBootstrap();
    expect(registry.getIntervals()).toEqual(['outbox-silence-default']);
    await jest.advanceTimersByTimeAsync(45_000);
    expect(readOverdue).toHaveBeenCalledTimes(1);
    detector.beforeApplicationShutdown();
    end(OWN);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual([]);
    expect(readOverdue).toHaveBeenCalledTimes(1);
    expect(registry.getIntervals()).toEqual([]);
  });
});
