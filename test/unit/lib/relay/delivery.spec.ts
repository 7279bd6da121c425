import { aPendingEvent } from '../support/a-pending-event';
import { DeliveryBench, turns } from '../support/delivery-bench';

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('a delivery', () => {
  let bench: DeliveryBench;

  beforeEach(() => {
    bench = new DeliveryBench();
  });

  describe('of what is pending', () => {
    it('delivers all of it in batches, until nothing is left', async () => {
      bench.add(range(1, 10));
      await expect(bench.run()).resolves.toEqual({ published: 10, retried: 0, dead: 0, ended: 'idle' });
      expect(bench.table.size).toBe(0);
      expect(bench.log.filter((line) => line.startsWith('send'))).toEqual([
        'send 1,2,3,4',
        'send 5,6,7,8',
        'send 9,10',
      ]);
    });

    it('is idle where there is nothing, and does not trouble the publisher', async () => {
      await expect(bench.run()).resolves.toEqual({ published: 0, retried: 0, dead: 0, ended: 'idle' });
      expect(bench.log).toEqual(['fetch ']);
    });

    it('goes on from where it was the next time', async () => {
      bench.add(range(1, 3));
      await bench.run();
      bench.add(range(4, 5));
      await expect(bench.run()).resolves.toMatchObject({ published: 2 });
      expect(bench.queries.map(({ heads }) => heads.get(1))).toEqual([0, 3, 3, 5]);
    });

    it('begins anew where the last fetch was long ago: to look for what came late since would cost more', async () => {
      bench.add([1]);
      await bench.run();
      bench.clock.advance(30_001);
      await bench.run();
      expect(bench.queries.at(-1)).toMatchObject({ heads: new Map([[1, 0], [2, 0]]), snapshot: { running: [] } }); // prettier-ignore
      expect(bench.queries.at(-1)?.snapshot.xmax).toBe(String(2n ** 63n - 1n));
    });

    it('fetches what the options allow', async () => {
      await bench.run();
      expect(bench.queries[0]).toMatchObject({ limit: 4, maxBytes: 5000, passOver: true, lookForWaiting: true });
    });
  });

  describe('as a pipeline', () => {
    beforeEach(() => {
      bench.add(range(1, 14));
      ['fetch', 'send', 'settle'].forEach((kind) => bench.held.add(kind as 'fetch'));
    });

    /** Until a fetch, a send and a settling are under way. */
    async function fill(): Promise<void> {
      void bench.run();
      await turns();
      await bench.end('fetch');
      await bench.end('fetch');
      await bench.end('send');
    }

    it('fetches the next batch and settles the last one while one is being sent', async () => {
      void bench.run();
      await turns();
      expect(bench.news()).toEqual(['fetch 1,2,3,4']);
      await bench.end('fetch');
      expect(bench.news()).toEqual(['fetch 5,6,7,8', 'send 1,2,3,4']);
      await bench.end('fetch');
      expect(bench.news()).toEqual([]);
      await bench.end('send');
      expect(bench.news()).toEqual(['settle 1,2,3,4', 'fetch 9,10,11,12', 'send 5,6,7,8']);
    });

    it('sends one batch at a time, and none before the one before it', async () => {
      await fill();
      await bench.end('fetch');
      expect([bench.underWay.send.length, bench.mostSends]).toEqual([1, 1]);
    });

    it('settles one batch at a time, and sends none before the one but last is settled', async () => {
      await fill();
      await bench.end('fetch');
      bench.news();
      await bench.end('send');
      expect(bench.news()).toEqual([]);
      await bench.end('settle');
      expect(bench.news()).toEqual(['settle 5,6,7,8', 'fetch 13,14', 'send 9,10,11,12']);
    });

    it('fetches no further than one batch', async () => {
      await fill();
      await bench.end('fetch');
      expect(bench.underWay.fetch).toHaveLength(0);
    });

    it('is over only when all is settled', async () => {
      bench.held.delete('fetch');
      bench.held.delete('send');
      let over = false;
      const result = bench.run().then((what) => {
        over = true;
        return what;
      });
      await turns();
      for (let settling = 1; settling <= 4; settling++) {
        expect(over).toBe(false);
        await bench.end('settle');
      }
      await expect(result).resolves.toMatchObject({ published: 14, ended: 'idle' });
    });
  });

  it('fetches no batch ahead where the last one was not half full: there is hardly a backlog', async () => {
    bench.add([1]);
    bench.held.add('send');
    const result = bench.run();
    await turns();
    bench.add([2]);
    expect(bench.news()).toEqual(['fetch 1', 'send 1']);
    await bench.end('send');
    expect(bench.news()).toEqual(['settle 1', 'fetch 2', 'send 2']);
    await bench.end('send');
    await expect(result).resolves.toMatchObject({ published: 2 });
  });

  it('looks further where it has walked over what is parked: what lies behind may be free', async () => {
    bench.fetched = (batch) => ({ ...batch, reached: new Map(bench.queries.length === 1 ? [[1, 10_000]] : []) });
    await expect(bench.run()).resolves.toMatchObject({ published: 0, ended: 'idle' });
    expect(bench.queries.map(({ heads }) => heads.get(1))).toEqual([0, 10_000]);
  });

  describe('that was all there was', () => {
    let wokenUp: boolean[];
    const takeWakeUp = jest.fn(() => wokenUp.shift() ?? false);
    const ONCE = ['fetch 1', 'send 1', 'settle 1'];

    beforeEach(async () => {
      wokenUp = [];
      // It has looked, and knows that nothing waits.
      await bench.run();
      bench.news();
      takeWakeUp.mockClear();
      bench.add([1]);
    });

    it('ends when it is settled, and looks for nothing more', async () => {
      await expect(bench.run({ takeWakeUp })).resolves.toMatchObject({ published: 1, ended: 'idle' });
      expect(bench.log).toEqual(ONCE);
    });

    it('looks further at once, while it is settled, where a wake-up came meanwhile', async () => {
      wokenUp = [true];
      bench.held.add('settle');
      const result = bench.run({ takeWakeUp });
      await turns();
      expect(bench.news()).toEqual([...ONCE, 'fetch ']);
      expect(bench.underWay.settle).toHaveLength(1);
      await bench.end('settle');
      await expect(result).resolves.toMatchObject({ published: 1, ended: 'idle' });
      // After a fetch that found nothing there is none to take: the next delivery looks.
      expect(takeWakeUp).toHaveBeenCalledTimes(1);
    });

    it('leaves a wake-up to the next delivery where it does not look by itself', async () => {
      let may = true;
      bench.answer = (batch) => {
        may = false;
        return { outcomes: batch.map(() => ({ status: 'published' as const })) };
      };
      await expect(bench.run({ takeWakeUp, mayGoOn: () => may })).resolves.toMatchObject({ ended: 'interrupted' });
      await expect(bench.run({ takeWakeUp })).resolves.toMatchObject({ ended: 'idle' });
      expect(takeWakeUp).not.toHaveBeenCalled();
    });

    it('looks further where no wake-up tells of what comes: it may have come meanwhile', async () => {
      bench.held.add('send');
      const result = bench.run();
      await turns();
      bench.add([2]);
      await bench.end('send');
      await bench.end('send');
      await expect(result).resolves.toMatchObject({ published: 2, ended: 'idle' });
    });

    it('looks further where a lane has given all that it might: there may be more of it', async () => {
      bench = new DeliveryBench();
      bench.leases.owned.set(3, '1').set(4, '1');
      await bench.run();
      bench.add([1]);
      bench.news();
      await bench.run({ takeWakeUp });
      expect(bench.log).toEqual([...ONCE, 'fetch ']);
    });

    it('looks further where it was refused: others of its key may wait, or be free', async () => {
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'rejected' as const, reason: 'too large' })) });
      await bench.run({ takeWakeUp });
      expect(bench.log).toEqual([...ONCE, 'fetch ']);
    });

    it('looks further where an event waits for its time: the walk may have ended among such', async () => {
      bench.clock.advance(1000);
      bench.fetched = (batch) => ({ ...batch, waiting: { due: 60, held: false } });
      await bench.run({ takeWakeUp });
      expect(bench.log).toEqual([...ONCE, 'fetch ']);
    });

    it('looks further where all was forgotten meanwhile, as with other lanes', async () => {
      bench.held.add('send');
      const result = bench.run({ takeWakeUp });
      await turns();
      bench.waiting.forget();
      await bench.end('send');
      await result;
      expect(bench.log).toEqual([...ONCE, 'fetch ']);
    });

    it('looks further where that came of its settling, which found that a lane was lost', async () => {
      bench.fenced = true;
      bench.leases.keep.mockImplementation(() => Promise.resolve(bench.waiting.forget()));
      bench.held.add('settle');
      const result = bench.run({ takeWakeUp });
      await turns();
      bench.held.clear();
      await bench.end('settle');
      await result;
      expect(bench.log.slice(0, 4)).toEqual([...ONCE, 'fetch ']);
    });
  });

  it.each([
    [1, ['fetch 1', 'send 1']],
    [2, ['fetch 1,2', 'fetch ', 'send 1,2']],
  ])('fetches ahead where at least half of the batch was filled: %d of 4', async (number, log) => {
    bench.add(range(1, number));
    bench.held.add('send');
    const result = bench.run();
    await turns();
    expect(bench.news()).toEqual(log);
    await bench.end('send');
    await result;
  });

  describe('in which something was not published', () => {
    beforeEach(() => bench.add(range(1, 10)));

    it('throws away what was fetched beyond it, and fetches from there when it is settled', async () => {
      bench.answer = (batch) => ({
        outcomes: batch.map(({ id }) => ({ status: id === '3' || id === '4' ? 'retry' : 'published' })),
      });
      bench.held.add('settle');
      const result = bench.run();
      await turns();
      expect(bench.news()).toEqual(['fetch 1,2,3,4', 'fetch 5,6,7,8', 'send 1,2,3,4', 'settle 1,2']);
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'published' })) });
      bench.held.clear();
      await bench.end('settle');
      expect(bench.news().slice(0, 3)).toEqual(['fetch 3,4,5,6', 'fetch 7,8,9,10', 'send 3,4,5,6']);
      expect(bench.queries[2]?.heads.get(1)).toBe(2);
      await expect(result).resolves.toMatchObject({ published: 10 });
    });

    it('waits for the fetch that it throws away, so that none is left behind', async () => {
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'retry' })), unavailable: 'no broker' });
      let over = false;
      bench.held.add('fetch');
      const result = bench.run().finally(() => (over = true));
      await turns();
      await bench.end('fetch');
      expect([bench.news(), over]).toEqual([['fetch 1,2,3,4', 'fetch 5,6,7,8', 'send 1,2,3,4'], false]);
      await bench.end('fetch');
      await expect(result).resolves.toMatchObject({ ended: { unavailable: 'no broker' } });
    });

    it('goes on after a refusal, which waits for its time, and passes over what is of its key', async () => {
      bench.answer = (batch) => ({
        outcomes: batch.map(({ id }) =>
          id === '2' ? { status: 'rejected', reason: 'too large' } : { status: 'published' },
        ),
      });
      await expect(bench.run()).resolves.toEqual({ published: 9, retried: 1, dead: 0, ended: 'idle' });
      expect(bench.waiting.nextDueMs).toBe(30_000);
      expect(bench.queries.slice(0, 4).map(({ passOver }) => passOver)).toEqual([true, false, true, true]);
    });

    it('ends where the broker is away, settles first what was done before, and begins there the next time', async () => {
      bench.answer = (batch) => ({
        outcomes: batch.map(({ id }) => ({ status: Number(id) > 6 ? 'retry' : 'published' })),
        ...(batch.some(({ id }) => Number(id) > 6) ? { unavailable: 'no broker' } : {}),
      });
      await expect(bench.run()).resolves.toEqual({
        published: 6,
        retried: 0,
        dead: 0,
        ended: { unavailable: 'no broker' },
      });
      expect([...bench.table.keys()]).toEqual([7, 8, 9, 10]);
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'published' })) });
      bench.news();
      await expect(bench.run()).resolves.toMatchObject({ published: 4, ended: 'idle' });
      expect(bench.news()[0]).toBe('fetch 7,8,9,10');
    });
  });

  describe('with late events for which the batch has no room', () => {
    it('fetches the rest of them only when these are settled, as it looks by the same snapshot again', async () => {
      bench.add(range(1, 4));
      await bench.run();
      bench.news();
      const before = bench.queries.at(-1)?.snapshot;
      let late = [aPendingEvent({ seq: 1, id: 'l1', lane: 1 }), aPendingEvent({ seq: 2, id: 'l2', lane: 1 })];
      bench.fetched = (batch) => {
        const [first, ...rest] = late;
        late = rest;
        return first === undefined ? batch : { ...batch, events: [first], lateFound: 1 + rest.length };
      };
      bench.held.add('settle');
      const result = bench.run();
      await turns();
      expect(bench.news()).toEqual(['fetch l1', 'send l1', 'settle l1']);
      await bench.end('settle');
      expect(bench.news().slice(0, 2)).toEqual(['fetch l2', 'send l2']);
      expect(bench.queries.at(-2)?.snapshot).toEqual(before);
      await bench.end('settle');
      await expect(result).resolves.toMatchObject({ published: 2, ended: 'idle' });
    });
  });

  describe('between batches', () => {
    it('deletes the wish of an operator to begin a lane anew, and does so, when nothing is in flight', async () => {
      bench.add(range(1, 4));
      let asked = false;
      bench.fetched = (batch) => ({ ...batch, rewinds: asked ? [] : [{ id: 9, lane: 2 }] });
      bench.store.deleteRewinds.mockImplementation((_owner, requests) => {
        asked = true;
        return Promise.resolve(void bench.log.push(`delete ${requests.map(({ id }) => id).join()}`));
      });
      bench.add([5], { lane: 2 });
      await expect(bench.run()).resolves.toMatchObject({ published: 5, ended: 'idle' });
      expect(bench.log.slice(0, 4)).toEqual(['fetch 1,2,3,4', 'send 1,2,3,4', 'settle 1,2,3,4', 'delete 9']);
      expect(bench.store.deleteRewinds).toHaveBeenCalledWith('me', [{ id: 9, lane: 2 }]);
    });

    it('finds in a lane that is begun anew what it has passed over before', async () => {
      bench.add([3], { lane: 2 });
      await bench.run();
      // Its key was held till now.
      bench.add([2], { lane: 2 });
      bench.fetched = (batch) => ({
        ...batch,
        rewinds: bench.store.deleteRewinds.mock.calls.length === 0 ? [{ id: 9, lane: 2 }] : [],
      });
      await expect(bench.run()).resolves.toMatchObject({ published: 1, ended: 'idle' });
      expect(bench.queries.map(({ heads }) => heads.get(2))).toEqual([0, 3, 3, 0, 2]);
    });

    it('looks anew for what waits where an operator has let a key go: a retry of it may be due', async () => {
      const due = aPendingEvent({ seq: 9, lane: 2, id: '9', attempts: 1 });
      bench.fetched = (batch) => {
        const cleared = bench.store.deleteRewinds.mock.calls.length > 0;
        const waiting = batch.waiting && { due: cleared ? -5 : null, held: true };
        return { ...batch, waiting, rewinds: cleared ? [] : [{ id: 9, lane: 2 }] };
      };
      bench.store.dueRetries.mockResolvedValueOnce([due]);
      await expect(bench.run()).resolves.toMatchObject({ published: 1, ended: 'idle' });
    });

    it('looks for lanes where that is due, which the next delivery then has', async () => {
      bench.add([1]);
      bench.add([2], { lane: 7 });
      bench.fetched = (batch) => {
        bench.leases.keepDue = true;
        return batch;
      };
      bench.leases.keep.mockImplementationOnce(() => {
        bench.leases.owned.set(7, '1');
        bench.leases.keepDue = false;
        return Promise.resolve(void bench.log.push('keep'));
      });
      await expect(bench.run()).resolves.toMatchObject({ published: 1, ended: 'idle' });
      expect(bench.log).toEqual(['fetch 1', 'send 1', 'settle 1', 'fetch ', 'keep']);
      await expect(bench.run()).resolves.toMatchObject({ published: 1, ended: 'idle' });
    });

    it('looks for lanes before it begins, where that is due', async () => {
      bench.add([2], { lane: 7 });
      bench.leases.owned.clear();
      bench.leases.keepDue = true;
      bench.leases.keep.mockImplementationOnce(() => {
        bench.leases.owned.set(7, '1');
        bench.leases.keepDue = false;
        return Promise.resolve();
      });
      await expect(bench.run()).resolves.toMatchObject({ published: 1, ended: 'idle' });
      expect(bench.leases.keep).toHaveBeenCalledTimes(1);
    });

    it('sees to what is due when nothing is in flight, and then begins the lane anew', async () => {
      bench.add(range(1, 12));
      const retry = aPendingEvent({ seq: 50, id: 'retry', lane: 2, attempts: 1 });
      let due: number | null = 0;
      bench.fetched = (batch) => ({ ...batch, waiting: { due, held: due !== null } });
      bench.store.dueRetries.mockImplementation(() => {
        due = null;
        return Promise.resolve([retry]);
      });
      await expect(bench.run()).resolves.toMatchObject({ published: 13, ended: 'idle' });
      expect(bench.log.slice(0, 6)).toEqual([
        'fetch 1,2,3,4',
        'send 1,2,3,4',
        'settle 1,2,3,4',
        'send retry',
        'settle retry',
        'fetch 5,6,7,8',
      ]);
      expect(bench.mostSends).toBe(1);
    });

    it('tells where the broker is away for what is due', async () => {
      bench.waiting.held(0);
      bench.store.dueRetries.mockResolvedValue([aPendingEvent({ seq: 50, attempts: 1, lane: 1 })]);
      bench.fetched = (batch) => ({ ...batch, waiting: { due: 0, held: true } });
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'retry' })), unavailable: 'no broker' });
      await expect(bench.run()).resolves.toMatchObject({ ended: { unavailable: 'no broker' } });
    });
  });

  describe('to limits', () => {
    beforeEach(() => bench.add(range(1, 12)));

    it('takes up no more events than it may', async () => {
      await expect(bench.run({ events: 6 })).resolves.toMatchObject({ published: 6, ended: 'interrupted' });
      expect(bench.queries.map(({ limit }) => limit)).toEqual([4, 2]);
    });

    it('takes up no more than that also of what is due', async () => {
      bench.fetched = (batch) => ({ ...batch, waiting: { due: 0, held: true } });
      bench.store.dueRetries.mockImplementation((_lanes, limit) =>
        Promise.resolve([51, 52, 53].slice(0, limit).map((seq) => aPendingEvent({ seq, lane: 2, attempts: 1 }))),
      );
      await expect(bench.run({ events: 6 })).resolves.toMatchObject({ published: 6, ended: 'interrupted' });
      expect(bench.store.dueRetries.mock.calls.map(([, limit]) => limit)).toEqual([2]);
    });

    it('leaves what is due where the limit is reached', async () => {
      bench.fetched = (batch) => ({ ...batch, waiting: { due: 0, held: true } });
      await expect(bench.run({ events: 4 })).resolves.toMatchObject({ published: 4, ended: 'interrupted' });
      expect(bench.store.dueRetries).not.toHaveBeenCalled();
    });

    it('begins no batch where it may not go on, and settles the one that it has sent', async () => {
      let may = true;
      bench.held.add('send');
      const result = bench.run({ mayGoOn: () => may });
      await turns();
      may = false;
      await bench.end('send');
      await expect(result).resolves.toEqual({ published: 4, retried: 0, dead: 0, ended: 'interrupted' });
      expect(bench.log).toEqual(['fetch 1,2,3,4', 'fetch 5,6,7,8', 'send 1,2,3,4', 'settle 1,2,3,4']);
    });

    it('does nothing where it may not even begin', async () => {
      await expect(bench.run({ mayGoOn: () => false })).resolves.toMatchObject({ published: 0, ended: 'interrupted' });
      expect(bench.log).toEqual([]);
    });

    it('finds again with the next delivery what was thrown away', async () => {
      await bench.run({ events: 4 });
      await expect(bench.run()).resolves.toMatchObject({ published: 8, ended: 'idle' });
      expect(bench.table.size).toBe(0);
    });
  });

  it('waits for the one before it', async () => {
    bench.add([1]);
    bench.held.add('send');
    const both = [bench.run(), bench.run()];
    await turns();
    expect(bench.news()).toEqual(['fetch 1', 'send 1']);
    bench.held.clear();
    await bench.end('send');
    expect((await Promise.all(both)).map(({ published }) => published)).toEqual([1, 0]);
    expect(bench.mostSends).toBe(1);
  });

  describe('has settled', () => {
    let settled: boolean;
    const wait = (): void => {
      settled = false;
      void bench.delivery.settled().then(() => (settled = true));
    };

    it('at once where nothing is in flight', async () => {
      await bench.delivery.settled();
    });

    it('when what was being sent is settled', async () => {
      bench.add([1]);
      ['send', 'settle'].forEach((kind) => bench.held.add(kind as 'send'));
      const result = bench.run();
      await turns();
      wait();
      await bench.end('send');
      expect(settled).toBe(false);
      await bench.end('settle');
      expect(settled).toBe(true);
      await result;
    });

    it('when what was fetched ahead is settled, but not what is fetched later', async () => {
      bench.add(range(1, 20));
      ['send', 'settle'].forEach((kind) => bench.held.add(kind as 'send'));
      const result = bench.run();
      await turns();
      wait();
      await bench.end('send');
      await bench.end('settle');
      // What was fetched ahead is being sent by now.
      expect([bench.log.at(-1), settled]).toEqual(['send 5,6,7,8', false]);
      await bench.end('send');
      await bench.end('settle');
      expect(settled).toBe(true);
      bench.held.clear();
      await bench.end('send');
      await result;
    });

    it('when a fetch that is under way has brought nothing, or what it has brought is settled', async () => {
      bench.held.add('fetch');
      const result = bench.run();
      await turns();
      wait();
      await turns();
      expect(settled).toBe(false);
      await bench.end('fetch');
      await result;
      expect(settled).toBe(true);
    });

    it('when what was fetched ahead is thrown away', async () => {
      bench.add(range(1, 8));
      bench.held.add('send');
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'retry' })), unavailable: 'no broker' });
      const result = bench.run();
      await turns();
      wait();
      await bench.end('send');
      await result;
      expect(settled).toBe(true);
    });

    it('when what is due, and is being sent, is settled', async () => {
      bench.fetched = (batch) => ({ ...batch, waiting: { due: 0, held: true } });
      bench.store.dueRetries.mockResolvedValueOnce([aPendingEvent({ seq: 50, id: 'retry', lane: 1, attempts: 1 })]);
      bench.held.add('settle');
      const result = bench.run();
      await turns();
      expect(bench.log.at(-1)).toBe('settle retry');
      wait();
      await turns();
      expect(settled).toBe(false);
      bench.fetched = (batch) => batch;
      await bench.end('settle');
      expect(settled).toBe(true);
      await result;
    });
  });
});
