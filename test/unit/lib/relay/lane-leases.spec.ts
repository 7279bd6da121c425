import { DataSource } from 'typeorm';
import { LaneLeases } from '../../../../lib/relay/lane-leases';
import type { OwnedLane } from '../../../../lib/store/lane-fence';
import { leave } from '../../../../lib/store/leave';
import { OutboxTables } from '../../../../lib/store/outbox-tables';
import { releaseLanes } from '../../../../lib/store/release-lanes';
import { renewLanes, type RenewedLanes } from '../../../../lib/store/renew-lanes';
import { takeLanes, type LanesAfterTaking } from '../../../../lib/store/take-lanes';
import { ManualClock } from '../support/manual-clock';

jest.mock('../../../../lib/store/renew-lanes');
jest.mock('../../../../lib/store/take-lanes');
jest.mock('../../../../lib/store/release-lanes');
jest.mock('../../../../lib/store/leave');

const renew = jest.mocked(renewLanes);
const take = jest.mocked(takeLanes);
const release = jest.mocked(releaseLanes);
const leaving = jest.mocked(leave);

const dataSource = Object.create(DataSource.prototype) as DataSource;
const tables = Object.create(OutboxTables.prototype) as OutboxTables;
const OWNER = 'b8b4a0a0-0000-4000-8000-000000000001';
const LEASE_SECONDS = 20;
const ALL = Array.from({ length: 64 }, (_, lane) => lane);

const lanes = (numbers: readonly number[], epoch = '1'): OwnedLane[] => numbers.map((lane) => ({ lane, epoch }));
const renewed = (numbers: readonly number[], target = 64, joined = false): RenewedLanes => ({
  lanes: lanes(numbers),
  target,
  joined,
});
const looked = (kept: readonly number[], taken: readonly number[], target = 64): LanesAfterTaking => ({
  kept: lanes(kept),
  taken: lanes(taken),
  target,
});
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn++) {
    await Promise.resolve();
  }
};

describe('the leases of lanes', () => {
  let clock: ManualClock;
  let log: string[];
  /** What is owned at each change. */
  let changes: (readonly number[])[];
  let losses: (readonly number[])[];
  let released: (readonly number[])[];
  let inFlight: jest.Mock<Promise<void>, []>;
  let lifeLock: number | null;
  let isStuck: boolean;
  let leases: LaneLeases;

  beforeEach(() => {
    jest.resetAllMocks();
    renew.mockResolvedValue(renewed([]));
    take.mockResolvedValue(looked([], []));
    release.mockImplementation((_source, _tables, claim) => {
      log.push(`release ${claim.lanes.map(({ lane }) => lane).join()}`);
      return Promise.resolve();
    });
    leaving.mockImplementation(() => Promise.resolve(void log.push('leave')));
    clock = new ManualClock();
    changes = [];
    losses = [];
    released = [];
    log = [];
    inFlight = jest.fn(() => Promise.resolve());
    lifeLock = null;
    isStuck = false;
    leases = new LaneLeases(
      dataSource,
      tables,
      { owner: OWNER, leaseSeconds: LEASE_SECONDS, pollIntervalSeconds: 1 },
      clock.read,
      {
        onChange: () => void changes.push(leases.lanes),
        onTaken: () => void log.push('taken'),
        onLost: (lost) => void losses.push(lost),
        onReleased: (given) => void released.push(given),
        inFlight,
        tellOthers: () => Promise.resolve(void log.push('tell')),
        lifeLock: () => lifeLock,
        isStuck: () => isStuck,
      },
    );
  });

  it('are none at first, so that nothing may be sent, and they are due', () => {
    expect(leases.lanes).toEqual([]);
    expect([leases.maySend, leases.laneBits]).toEqual([false, 0n]);
    expect(leases.keepDue).toBe(true);
  });

  it('are those that were renewed and those that were free', async () => {
    lifeLock = 77;
    renew.mockResolvedValue(renewed([3]));
    take.mockResolvedValue(looked([3], [5, 6]));
    await leases.keep();
    expect(leases.lanes).toEqual([3, 5, 6]);
    expect(leases.laneBits).toBe(0b1101000n);
    expect(renew.mock.calls[0]?.[2]).toMatchObject({ owner: OWNER, leaseSeconds: LEASE_SECONDS, lifeLock: 77 });
    expect(take.mock.calls[0]?.[2]).toMatchObject({ owner: OWNER, leaseSeconds: LEASE_SECONDS });
  });

  it('are not looked for while all of the share are owned', async () => {
    renew.mockResolvedValue(renewed(ALL.slice(0, 22), 22));
    await leases.keep();
    expect(take).not.toHaveBeenCalled();
  });

  it('are replaced by what the database says, so that a lost lane is lost', async () => {
    take.mockResolvedValueOnce(looked([], [1, 2]));
    await leases.keep();
    renew.mockResolvedValue(renewed([2]));
    take.mockResolvedValue(looked([2], []));
    await leases.keep(true);
    expect(leases.lanes).toEqual([2]);
    expect([losses, released]).toEqual([[[1]], []]);
  });

  describe('are renewed', () => {
    beforeEach(async () => {
      renew.mockResolvedValue(renewed([1]));
      take.mockResolvedValue(looked([1], []));
      await leases.keep();
      renew.mockClear();
    });

    it('when it is asked for', async () => {
      await leases.keep(true);
      expect(renew).toHaveBeenCalledTimes(1);
    });

    it('not with each look for free lanes', async () => {
      clock.advance(1000);
      await leases.keep();
      expect(renew).not.toHaveBeenCalled();
      expect(take).toHaveBeenCalledTimes(2);
    });

    it('when a third of the lease is over', async () => {
      clock.advance(6666);
      await leases.keep();
      expect(renew).not.toHaveBeenCalled();
      clock.advance(1);
      await leases.keep();
      expect(renew).toHaveBeenCalledTimes(1);
    });

    it('after a look that failed, which may have taken something', async () => {
      take.mockRejectedValueOnce(new Error('no database'));
      await expect(leases.keep()).rejects.toThrow('no database');
      await leases.keep();
      expect(renew).toHaveBeenCalledTimes(1);
    });

    it('by a relay that has none only when it is time to show that it lives', async () => {
      take.mockResolvedValue(looked([], []));
      await leases.keep();
      await leases.keep();
      expect(leases.lanes).toEqual([]);
      expect(renew).not.toHaveBeenCalled();
    });
  });

  describe('while the relay is stuck', () => {
    beforeEach(async () => {
      renew.mockResolvedValue(renewed([1], 1));
      await leases.keep();
      renew.mockClear();
      isStuck = true;
    });

    it('are not renewed, whoever asks for it, so that they lapse', async () => {
      await leases.keep(true);
      clock.advance(LEASE_SECONDS * 1000);
      await leases.keep();
      expect([renew.mock.calls.length, take.mock.calls.length]).toEqual([0, 0]);
      expect([leases.maySend, leases.keepDue]).toEqual([false, true]);
    });

    it('may still be given back', async () => {
      await leases.close();
      expect(leaving).toHaveBeenCalledTimes(1);
    });

    it('are what the database says when it is so no more', async () => {
      clock.advance(LEASE_SECONDS * 1000);
      await leases.keep(true);
      isStuck = false;
      renew.mockResolvedValue(renewed([7], 1));
      await leases.keep();
      expect([leases.lanes, leases.maySend]).toEqual([[7], true]);
    });
  });

  describe('may be relied on', () => {
    /** 20 s of lease less 11 s for a send and 1 s of margin. */
    const RELIABLE_MS = 8000;

    it('until a send could outlast them, and no longer', async () => {
      take.mockResolvedValueOnce(looked([], [1]));
      await leases.keep();
      clock.advance(RELIABLE_MS - 1);
      expect([leases.maySend, leases.laneBits]).toEqual([true, 2n]);
      clock.advance(1);
      expect([leases.maySend, leases.laneBits]).toEqual([false, 0n]);
    });

    it('reckoned from before the renewing statement was sent', async () => {
      renew.mockImplementation(() => {
        clock.advance(4000);
        return Promise.resolve(renewed([1], 1));
      });
      await leases.keep();
      clock.advance(RELIABLE_MS - 4000 - 1);
      expect(leases.maySend).toBe(true);
      clock.advance(1);
      expect(leases.maySend).toBe(false);
    });

    it('reckoned from before the taking statement was sent where there was nothing to renew', async () => {
      renew.mockImplementation(() => {
        clock.advance(4000);
        return Promise.resolve(renewed([]));
      });
      take.mockImplementation(() => {
        clock.advance(1000);
        return Promise.resolve(looked([], [1]));
      });
      await leases.keep();
      clock.advance(RELIABLE_MS - 1000 - 1);
      expect(leases.maySend).toBe(true);
      clock.advance(1);
      expect(leases.maySend).toBe(false);
    });

    it('no longer because others were taken since: those that were owned keep their time', async () => {
      renew.mockResolvedValue(renewed([1]));
      take.mockResolvedValueOnce(looked([1], []));
      await leases.keep();
      clock.advance(5000);
      take.mockResolvedValueOnce(looked([1], [2]));
      await leases.keep();
      expect(leases.lanes).toEqual([1, 2]);
      clock.advance(RELIABLE_MS - 5000);
      expect(leases.maySend).toBe(false);
    });

    it('longer with each renewal', async () => {
      renew.mockResolvedValue(renewed([1], 1));
      await leases.keep();
      clock.advance(7000);
      await leases.keep();
      clock.advance(7000);
      expect(leases.maySend).toBe(true);
    });

    it('no longer where a renewal fails, though they are still known', async () => {
      renew.mockResolvedValueOnce(renewed([1], 1));
      await leases.keep();
      clock.advance(7000);
      renew.mockRejectedValueOnce(new Error('no database'));
      await expect(leases.keep()).rejects.toThrow('no database');
      expect([leases.maySend, leases.lanes]).toEqual([true, [1]]);
      clock.advance(1000);
      expect([leases.maySend, leases.lanes]).toEqual([false, [1]]);
    });

    it('longer with a renewal, though the look for more after it fails', async () => {
      renew.mockResolvedValue(renewed([1]));
      take.mockResolvedValueOnce(looked([1], []));
      await leases.keep();
      clock.advance(7000);
      take.mockRejectedValueOnce(new Error('no database'));
      await expect(leases.keep(true)).rejects.toThrow('no database');
      clock.advance(1000);
      expect(leases.maySend).toBe(true);
    });
  });

  describe('are due', () => {
    it('about once in a poll interval while not all are owned, since another relay may die', async () => {
      renew.mockResolvedValue(renewed([1], 1));
      await leases.keep();
      expect(leases.keepDue).toBe(false);
      clock.advance(899);
      expect(leases.keepDue).toBe(false);
      clock.advance(1);
      expect(leases.keepDue).toBe(true);
    });

    it('not while all are owned, until they cannot be relied on', async () => {
      renew.mockResolvedValue(renewed(ALL));
      await leases.keep();
      clock.advance(7999);
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
    it('when the lanes are owned, and no sooner: a look in between would be taken for one in the new lanes', async () => {
      take.mockResolvedValueOnce(looked([], [1, 2]));
      await leases.keep();
      take.mockResolvedValueOnce(looked([2], [3]));
      await leases.keep();
      expect(changes).toEqual([
        [1, 2],
        [2, 3],
      ]);
      expect(log).toEqual(['taken', 'taken']);
    });

    it('also where lanes are lost, of which there is nothing to deliver', async () => {
      take.mockResolvedValueOnce(looked([], [1, 2]));
      await leases.keep();
      take.mockResolvedValueOnce(looked([2], []));
      await leases.keep();
      expect([changes[1], log]).toEqual([[2], ['taken']]);
    });

    it('of a lane that was lost and taken again in between: its epoch has grown', async () => {
      take.mockResolvedValueOnce(looked([], [1]));
      await leases.keep();
      take.mockResolvedValueOnce({ kept: [], taken: lanes([1], '3'), target: 64 });
      await leases.keep();
      expect([changes.length, log]).toEqual([2, ['taken', 'taken']]);
      expect(losses).toEqual([[1]]);
    });

    it('not where nothing has changed', async () => {
      renew.mockResolvedValue(renewed([1], 1));
      await leases.keep();
      await leases.keep(true);
      expect(changes).toHaveLength(1);
    });
  });

  describe('above the share', () => {
    let finish: () => void;

    beforeEach(async () => {
      renew.mockResolvedValue(renewed(ALL));
      await leases.keep();
      log.length = 0;
      changes.length = 0;
      inFlight.mockReturnValueOnce(
        new Promise((resolve) => {
          finish = resolve;
        }),
      );
      renew.mockResolvedValue(renewed(ALL, 32));
      await leases.keep(true);
    });

    it('are not fetched from any more, but may be settled until what was fetched is', async () => {
      expect(leases.lanes).toEqual(ALL.slice(0, 32));
      expect(leases.claim([1, 40]).lanes).toEqual(lanes([1, 40]));
      await settled();
      expect([log, changes]).toEqual([[], []]);
    });

    it('are given back when it is, and then the others are told', async () => {
      finish();
      await settled();
      expect(log).toEqual([`release ${ALL.slice(32).join()}`, 'tell']);
      expect(release.mock.calls[0]?.[2]).toEqual({ owner: OWNER, lanes: lanes(ALL.slice(32)) });
      expect(changes).toEqual([ALL.slice(0, 32)]);
      expect(leases.claim([1, 40]).lanes).toEqual(lanes([1]));
      expect([losses, released]).toEqual([[], [ALL.slice(32)]]);
    });

    it('are renewed for as long as that takes', async () => {
      clock.advance(7000);
      await leases.keep(true);
      clock.advance(7000);
      expect([leases.maySend, leases.lanes.length]).toEqual([true, 32]);
      expect(inFlight).toHaveBeenCalledTimes(1);
    });

    it('are not given back where they were lost meanwhile', async () => {
      renew.mockResolvedValue(renewed(ALL.slice(0, 32), 32));
      await leases.keep(true);
      finish();
      await settled();
      expect(log).toEqual([]);
    });

    it('are given back with the next keeping, where giving back has failed', async () => {
      release.mockRejectedValueOnce(new Error('no database'));
      finish();
      await settled();
      expect(log).toEqual([]);
      expect(leases.lanes).toHaveLength(32);
      await leases.keep();
      await settled();
      expect(log).toEqual([`release ${ALL.slice(32).join()}`, 'tell']);
    });

    it('are given back in a second go, where the share has shrunk again meanwhile: that was in flight later', async () => {
      renew.mockResolvedValue(renewed(ALL, 21));
      await leases.keep(true);
      finish();
      await settled();
      expect(log).toEqual([`release ${ALL.slice(32).join()}`, 'tell', `release ${ALL.slice(21, 32).join()}`, 'tell']);
      expect(inFlight).toHaveBeenCalledTimes(2);
    });

    it('are given back with all others at the end', async () => {
      await leases.close();
      finish();
      await settled();
      expect(log).toEqual(['leave', 'tell']);
      expect(released).toEqual([ALL]);
    });
  });

  it('tell the others that a relay has joined, which they have to make room for', async () => {
    renew.mockResolvedValueOnce(renewed([], 32, true));
    take.mockResolvedValueOnce(looked([], [], 32));
    await leases.keep();
    expect(log).toEqual(['tell']);
  });

  it('are kept by one call at a time', async () => {
    let underWay = 0;
    let most = 0;
    renew.mockImplementation(async () => {
      most = Math.max(most, ++underWay);
      await Promise.resolve();
      underWay--;
      return renewed([]);
    });
    await Promise.all([leases.keep(true), leases.keep(true), leases.keep(true), leases.release()]);
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
      take.mockResolvedValueOnce({
        kept: [],
        taken: [
          { lane: 1, epoch: '4' },
          { lane: 2, epoch: '7' },
        ],
        target: 64,
      });
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

  describe('are given back at the end', () => {
    it('all together, and nothing may be sent from then on', async () => {
      renew.mockResolvedValue(renewed(ALL));
      await leases.keep();
      log.length = 0;
      await leases.close();
      expect(leaving).toHaveBeenCalledWith(dataSource, tables, OWNER);
      expect(log).toEqual(['leave', 'tell']);
      expect([leases.lanes, leases.maySend]).toEqual([[], false]);
    });

    it('without a statement where none was ever asked for', async () => {
      await leases.close();
      expect(log).toEqual([]);
    });

    it('for good', async () => {
      await leases.keep();
      await leases.close();
      await leases.close();
      renew.mockClear();
      await leases.keep(true);
      expect(renew).not.toHaveBeenCalled();
      expect(leaving).toHaveBeenCalledTimes(1);
    });

    it('after a renewal that is under way', async () => {
      let finish: (owned: RenewedLanes) => void = () => undefined;
      renew.mockImplementationOnce(
        () =>
          new Promise((resolve) => {
            finish = resolve;
          }),
      );
      const keeping = leases.keep();
      const releasing = leases.close();
      await Promise.resolve();
      finish(renewed([1], 1));
      await Promise.all([keeping, releasing]);
      expect(leaving).toHaveBeenCalledTimes(1);
      expect(leases.lanes).toEqual([]);
    });
  });

  describe('are given back for now', () => {
    it('all together, and nothing may be sent until they are kept again', async () => {
      renew.mockResolvedValue(renewed(ALL));
      await leases.keep();
      log.length = 0;
      await leases.release();
      expect(leaving).toHaveBeenCalledWith(dataSource, tables, OWNER);
      expect(log).toEqual(['leave', 'tell']);
      expect([leases.lanes, leases.maySend]).toEqual([[], false]);
      await leases.keep(true);
      expect([leases.lanes, leases.maySend]).toEqual([ALL, true]);
    });

    it('without a statement where nothing was asked for since the last time', async () => {
      await leases.keep();
      await leases.release();
      await leases.release();
      expect(leaving).toHaveBeenCalledTimes(1);
    });

    it('and again at the end, where they were kept meanwhile', async () => {
      await leases.keep();
      await leases.release();
      await leases.keep(true);
      await leases.close();
      expect(leaving).toHaveBeenCalledTimes(2);
    });

    it('and for good at the end, where they were not', async () => {
      await leases.keep();
      await leases.release();
      await leases.close();
      await leases.keep(true);
      expect([leaving.mock.calls.length, renew.mock.calls.length]).toEqual([1, 1]);
    });

    it('though the database does not answer: they lapse', async () => {
      renew.mockResolvedValue(renewed(ALL));
      await leases.keep();
      leaving.mockRejectedValueOnce(new Error('no database'));
      await expect(leases.release()).rejects.toThrow('no database');
      expect([leases.lanes, leases.maySend]).toEqual([[], false]);
    });
  });
});
