import { DataSource } from 'typeorm';
import { LaneLeases, type LaneChanges } from '../../../../lib/relay/lane-leases';
import type { OwnedLane } from '../../../../lib/store/lane-fence';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { releaseLanes } from '../../../../lib/store/release-lanes';
import { renewLanes } from '../../../../lib/store/renew-lanes';
import { takeLanes } from '../../../../lib/store/take-lanes';
import { ManualClock } from '../support/manual-clock';

jest.mock('../../../../lib/store/renew-lanes');
jest.mock('../../../../lib/store/take-lanes');
jest.mock('../../../../lib/store/release-lanes');

const renew = jest.mocked(renewLanes);
const take = jest.mocked(takeLanes);
const release = jest.mocked(releaseLanes);

const dataSource = Object.create(DataSource.prototype) as DataSource;
const tables = Object.create(OutboxTables.prototype) as OutboxTables;
const OWNER = 'b8b4a0a0-0000-4000-8000-000000000001';
const LEASE_SECONDS = 20;
const ALL = Array.from({ length: 64 }, (_, lane) => lane);

const lanes = (numbers: readonly number[], epoch = '1'): OwnedLane[] => numbers.map((lane) => ({ lane, epoch }));

describe('the leases of lanes', () => {
  let clock: ManualClock;
  let changes: LaneChanges[];
  let leases: LaneLeases;

  beforeEach(() => {
    jest.resetAllMocks();
    renew.mockResolvedValue([]);
    take.mockResolvedValue([]);
    release.mockResolvedValue();
    clock = new ManualClock();
    changes = [];
    leases = new LaneLeases(dataSource, tables, OWNER, LEASE_SECONDS, 1, clock.read, (change) => {
      changes.push(change);
      return Promise.resolve();
    });
  });

  it('are none at first, so that nothing may be sent, and they are due', () => {
    expect(leases.lanes).toEqual([]);
    expect(leases.maySend).toBe(false);
    expect(leases.keepDue).toBe(true);
  });

  it('are those that were renewed and those that were free', async () => {
    renew.mockResolvedValue(lanes([3]));
    take.mockResolvedValue(lanes([5, 6]));
    await leases.keep();
    expect(leases.lanes).toEqual([3, 5, 6]);
    expect(renew).toHaveBeenCalledWith(dataSource, tables, OWNER, LEASE_SECONDS);
    expect(take).toHaveBeenCalledWith(dataSource, tables, OWNER, LEASE_SECONDS);
  });

  it('are not looked for while all are owned', async () => {
    renew.mockResolvedValue(lanes(ALL));
    await leases.keep();
    expect(take).not.toHaveBeenCalled();
  });

  it('are replaced by what the database says, so that a lost lane is lost', async () => {
    take.mockResolvedValueOnce(lanes([1, 2]));
    await leases.keep();
    renew.mockResolvedValue(lanes([2]));
    await leases.keep();
    expect(leases.lanes).toEqual([2]);
  });

  describe('may be relied on', () => {
    /** 20 s of lease less 10 s for a send and 1 s of margin. */
    const RELIABLE_MS = 9000;

    it('until a send could outlast them, and no longer', async () => {
      take.mockResolvedValueOnce(lanes([1]));
      await leases.keep();
      clock.advance(RELIABLE_MS - 1);
      expect(leases.maySend).toBe(true);
      clock.advance(1);
      expect(leases.maySend).toBe(false);
    });

    it('reckoned from before the renewing statement was sent', async () => {
      renew.mockImplementation(() => {
        clock.advance(4000);
        return Promise.resolve(lanes([1]));
      });
      await leases.keep();
      clock.advance(RELIABLE_MS - 4000 - 1);
      expect(leases.maySend).toBe(true);
      clock.advance(1);
      expect(leases.maySend).toBe(false);
    });

    it('longer with each renewal', async () => {
      renew.mockResolvedValue(lanes([1]));
      await leases.keep();
      clock.advance(8000);
      await leases.keep();
      clock.advance(8000);
      expect(leases.maySend).toBe(true);
    });

    it('no longer where a renewal fails, though they are still known', async () => {
      renew.mockResolvedValueOnce(lanes([1]));
      await leases.keep();
      clock.advance(8000);
      renew.mockRejectedValueOnce(new Error('no database'));
      await expect(leases.keep()).rejects.toThrow('no database');
      expect([leases.maySend, leases.lanes]).toEqual([true, [1]]);
      clock.advance(1000);
      expect([leases.maySend, leases.lanes]).toEqual([false, [1]]);
    });
  });

  describe('are due', () => {
    it('about once in a poll interval while some are missing', async () => {
      take.mockResolvedValueOnce(lanes([1]));
      await leases.keep();
      expect(leases.keepDue).toBe(false);
      clock.advance(899);
      expect(leases.keepDue).toBe(false);
      clock.advance(1);
      expect(leases.keepDue).toBe(true);
    });

    it('not while all are owned, until they cannot be relied on', async () => {
      renew.mockResolvedValue(lanes(ALL));
      await leases.keep();
      clock.advance(8999);
      expect(leases.keepDue).toBe(false);
      clock.advance(1);
      expect(leases.keepDue).toBe(true);
    });

    it('at once after a failed try', async () => {
      renew.mockRejectedValueOnce(new Error('no database'));
      await expect(leases.keep()).rejects.toThrow('no database');
      expect(leases.keepDue).toBe(true);
    });
  });

  describe('tell of changes', () => {
    it('what was taken and what was lost', async () => {
      take.mockResolvedValueOnce(lanes([1, 2]));
      await leases.keep();
      renew.mockResolvedValueOnce(lanes([2]));
      take.mockResolvedValueOnce(lanes([3]));
      await leases.keep();
      expect(changes).toEqual([
        { taken: [1, 2], lost: [] },
        { taken: [3], lost: [1] },
      ]);
    });

    it('of a lane that was lost and taken again in between: its epoch has grown', async () => {
      take.mockResolvedValueOnce(lanes([1], '1'));
      await leases.keep();
      take.mockResolvedValueOnce(lanes([1], '3'));
      await leases.keep();
      expect(changes[1]).toEqual({ taken: [1], lost: [1] });
    });

    it('not where nothing has changed', async () => {
      renew.mockResolvedValue(lanes([1]));
      await leases.keep();
      await leases.keep();
      expect(changes).toHaveLength(1);
    });

    it('and wait until they are dealt with, before the lanes are used', async () => {
      let finish = (): void => undefined;
      const slow = new LaneLeases(
        dataSource,
        tables,
        OWNER,
        LEASE_SECONDS,
        1,
        clock.read,
        () =>
          new Promise<void>((resolve) => {
            finish = resolve;
          }),
      );
      take.mockResolvedValueOnce(lanes([1]));
      let kept = false;
      const keeping = slow.keep().then(() => {
        kept = true;
      });
      for (let turn = 0; turn < 20; turn++) {
        await Promise.resolve();
      }
      expect(kept).toBe(false);
      finish();
      await keeping;
      expect(kept).toBe(true);
    });

    it('again, where dealing with them has failed: its keys that wait for a retry are still unknown', async () => {
      let failures = 1;
      const told: LaneChanges[] = [];
      const failing = new LaneLeases(dataSource, tables, OWNER, LEASE_SECONDS, 1, clock.read, (change) => {
        told.push(change);
        return failures-- > 0 ? Promise.reject(new Error('no database')) : Promise.resolve();
      });
      take.mockResolvedValueOnce(lanes([1]));
      await expect(failing.keep()).rejects.toThrow('no database');
      renew.mockResolvedValue(lanes([1]));
      await failing.keep();
      expect(told).toEqual([
        { taken: [1], lost: [] },
        { taken: [1], lost: [] },
      ]);
    });
  });

  it('are kept by one call at a time', async () => {
    let underWay = 0;
    let most = 0;
    renew.mockImplementation(async () => {
      most = Math.max(most, ++underWay);
      await Promise.resolve();
      underWay--;
      return [];
    });
    await Promise.all([leases.keep(), leases.keep(), leases.release(), leases.keep()]);
    expect(most).toBe(1);
    expect(renew).toHaveBeenCalledTimes(3);
  });

  it('are kept on after a call that failed', async () => {
    renew.mockRejectedValueOnce(new Error('no database'));
    const [failed, next] = [leases.keep(), leases.keep()];
    await expect(failed).rejects.toThrow('no database');
    await expect(next).resolves.toBeUndefined();
  });

  describe('give a claim', () => {
    beforeEach(async () => {
      take.mockResolvedValueOnce([
        { lane: 1, epoch: '4' },
        { lane: 2, epoch: '7' },
      ]);
      await leases.keep();
    });

    it('to lanes with their epochs, each once', () => {
      expect(leases.claim([2, 1, 2])).toEqual({
        owner: OWNER,
        lanes: [
          { lane: 2, epoch: '7' },
          { lane: 1, epoch: '4' },
        ],
      });
    });

    it('to none that is not owned', () => {
      expect(leases.claim([1, 3])).toEqual({ owner: OWNER, lanes: [{ lane: 1, epoch: '4' }] });
    });
  });

  describe('are given back', () => {
    it('all together, and nothing may be sent from then on', async () => {
      renew.mockResolvedValue(lanes(ALL));
      await leases.keep();
      await leases.release();
      expect(release).toHaveBeenCalledWith(dataSource, tables, OWNER);
      expect([leases.lanes, leases.maySend]).toEqual([[], false]);
    });

    it('without a statement where there are none', async () => {
      await leases.release();
      expect(release).not.toHaveBeenCalled();
    });

    it('after a renewal that is under way', async () => {
      let finish: (owned: readonly OwnedLane[]) => void = () => undefined;
      renew.mockImplementationOnce(
        () =>
          new Promise((resolve) => {
            finish = resolve;
          }),
      );
      const keeping = leases.keep();
      const releasing = leases.release();
      await Promise.resolve();
      finish(lanes([1]));
      await Promise.all([keeping, releasing]);
      expect(release).toHaveBeenCalledTimes(1);
      expect(leases.lanes).toEqual([]);
    });
  });
});
