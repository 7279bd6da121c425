import { aPendingEvent } from '../support/a-pending-event';
import { DeliveryBench, turns } from '../support/delivery-bench';

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const noDatabase = new Error('no database');

/** A failure that nobody handles fails its test as well: jest listens, and the bench lets Node notice. */
describe('a delivery', () => {
  let bench: DeliveryBench;

  beforeEach(() => {
    bench = new DeliveryBench();
    bench.add(range(1, 14));
  });
  const hold = (...kinds: ('fetch' | 'send' | 'settle')[]): void => kinds.forEach((kind) => bench.held.add(kind));
  /** All that is left is delivered by the next one, in its order, and from its beginning. */
  async function expectNextDelivers(first: number): Promise<void> {
    bench.held.clear();
    bench.news();
    await expect(bench.run()).resolves.toMatchObject({ published: 15 - first, ended: 'idle' });
    expect(bench.table.size).toBe(0);
    expect(bench.news()[0]).toBe(`fetch ${range(first, first + 3).join()}`);
    expect(bench.mostSends).toBe(1);
  }
  const expectBegunAnew = (query = 0): void => {
    const { heads, snapshot, passOver, lookForWaiting } = bench.queries.slice(query)[0] ?? {};
    expect([heads?.get(1), snapshot?.xmax, passOver, lookForWaiting]).toEqual([0, String(2n ** 63n - 1n), true, true]);
  };

  describe('of which something fails', () => {
    it('fails with the fetch, and begins anew the next time', async () => {
      hold('fetch');
      const result = bench.run();
      const failed = expect(result).rejects.toBe(noDatabase);
      await turns();
      await bench.end('fetch', noDatabase);
      await failed;
      await expectNextDelivers(1);
      expectBegunAnew(1);
    });

    it('settles what is being sent, where the fetch ahead fails meanwhile, and then fails', async () => {
      hold('fetch', 'send', 'settle');
      let failed = false;
      const result = bench.run().catch((error: unknown) => {
        failed = true;
        return error;
      });
      await turns();
      await bench.end('fetch');
      await bench.end('fetch', noDatabase);
      expect(failed).toBe(false);
      await bench.end('send');
      expect([bench.log.at(-1), failed]).toEqual(['settle 1,2,3,4', false]);
      await bench.end('settle');
      await expect(result).resolves.toBe(noDatabase);
      await expectNextDelivers(5);
      expectBegunAnew(2);
    });

    it('does not mind that a fetch fails which was to be thrown away', async () => {
      hold('fetch', 'send');
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'retry' })), unavailable: 'no broker' });
      const result = bench.run();
      await turns();
      await bench.end('fetch');
      await bench.end('send');
      await bench.end('fetch', noDatabase);
      await expect(result).resolves.toMatchObject({ ended: { unavailable: 'no broker' } });
    });

    it('fails where the publisher throws, once the last batch is settled and the fetch ahead is over', async () => {
      hold('fetch', 'send', 'settle');
      let failed = false;
      const result = bench.run().catch((error: unknown) => {
        failed = true;
        return error;
      });
      await turns();
      await bench.end('fetch');
      await bench.end('fetch');
      await bench.end('send');
      const broken = new TypeError('a programming error');
      await bench.end('send', broken);
      expect(failed).toBe(false);
      await bench.end('fetch');
      expect(failed).toBe(false);
      await bench.end('settle');
      await expect(result).resolves.toBe(broken);
      await expectNextDelivers(5);
      expectBegunAnew(3);
    });

    it('fails where a settling fails, and sends nothing more than what is on its way', async () => {
      hold('send', 'settle');
      const result = bench.run();
      const failed = expect(result).rejects.toBe(noDatabase);
      await turns();
      await bench.end('send');
      await bench.end('settle', noDatabase);
      expect(bench.log.at(-1)).toBe('send 5,6,7,8');
      bench.news();
      await bench.end('send');
      await failed;
      expect(bench.news()).toEqual([]);
      await expectNextDelivers(1);
    });

    it('fails where the last settling fails', async () => {
      bench.table.clear();
      bench.add([1]);
      hold('settle');
      const failed = expect(bench.run()).rejects.toBe(noDatabase);
      await turns();
      await bench.end('settle', noDatabase);
      await failed;
      bench.held.clear();
      await expect(bench.run()).resolves.toMatchObject({ published: 1 });
    });

    it('begins anew where the settling of a failed batch fails: what was refused may not be recorded', async () => {
      hold('settle');
      bench.answer = (batch) => ({
        outcomes: batch.map(({ id }) => (id === '2' ? { status: 'rejected', reason: 'no' } : { status: 'published' })),
      });
      const failed = expect(bench.run()).rejects.toBe(noDatabase);
      await turns();
      await bench.end('settle', noDatabase);
      await failed;
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'published' })) });
      await expectNextDelivers(1);
    });

    it.each(['ripen', 'dueRetries'] as const)('fails where %s fails, with nothing left in flight', async (method) => {
      bench.fetched = (batch) => ({ ...batch, waiting: { due: 0, held: true } });
      bench.store[method].mockRejectedValueOnce(noDatabase);
      await expect(bench.run()).rejects.toBe(noDatabase);
      await bench.delivery.settled();
      bench.fetched = (batch) => batch;
      await expectNextDelivers(5);
    });

    it('fails where the wish of an operator cannot be deleted, and begins anew, which is what he wishes', async () => {
      bench.fetched = (batch) => ({ ...batch, rewinds: [{ id: 9, lane: 2 }] });
      bench.store.deleteRewinds.mockRejectedValueOnce(noDatabase);
      await expect(bench.run()).rejects.toBe(noDatabase);
      bench.fetched = (batch) => batch;
      await expectNextDelivers(5);
    });

    it('fails where no lanes can be looked for, and does so the next time', async () => {
      bench.leases.keepDue = true;
      bench.leases.keep.mockRejectedValueOnce(noDatabase);
      await expect(bench.run()).rejects.toBe(noDatabase);
      bench.leases.keepDue = false;
      await expectNextDelivers(1);
    });

    it('does not hinder the one that waits for it', async () => {
      hold('fetch');
      const first = expect(bench.run()).rejects.toBe(noDatabase);
      const second = bench.run();
      await turns();
      bench.held.clear();
      await bench.end('fetch', noDatabase);
      await first;
      await expect(second).resolves.toMatchObject({ published: 14 });
    });
  });

  describe('whose publisher does not hold to what it has to', () => {
    it('takes events without an outcome for such as are still to be sent', async () => {
      bench.answer = (batch) => ({ outcomes: batch.slice(0, 2).map(() => ({ status: 'published' })) });
      await expect(bench.run()).resolves.toMatchObject({ published: 14, ended: 'idle' });
      expect(bench.log.filter((line) => line.startsWith('send')).slice(0, 3)).toEqual([
        'send 1,2,3,4',
        'send 3,4,5,6',
        'send 5,6,7,8',
      ]);
    });

    it('pauses where it gives no outcome at all, and does not go round in circles', async () => {
      bench.answer = () => ({ outcomes: [] });
      await expect(bench.run()).resolves.toMatchObject({
        ended: { unavailable: 'the publisher took no event and gave no reason' },
      });
      expect(bench.log.filter((line) => line.startsWith('send'))).toHaveLength(1);
    });
  });

  describe('whose leases go', () => {
    const expectRest = async (published: number): Promise<void> => {
      const sent = bench.log.filter((line) => line.startsWith('send')).length;
      await turns();
      expect(bench.log.filter((line) => line.startsWith('send'))).toHaveLength(sent);
      expect(bench.table.size).toBe(14 - published);
    };

    it('does nothing without lanes', async () => {
      bench.leases.owned.clear();
      await expect(bench.run()).resolves.toEqual({ published: 0, retried: 0, dead: 0, ended: 'idle' });
      expect(bench.log).toEqual([]);
    });

    it('does not send what it was fetching meanwhile', async () => {
      hold('fetch');
      const result = bench.run();
      await turns();
      bench.leases.reliable = false;
      await bench.end('fetch');
      await expect(result).resolves.toMatchObject({ published: 0, ended: 'idle' });
      expect(bench.log).toEqual(['fetch 1,2,3,4']);
      bench.leases.reliable = true;
      await expectNextDelivers(1);
    });

    it('records what it was sending meanwhile, and does not send what it has fetched ahead', async () => {
      hold('send');
      const result = bench.run();
      await turns();
      bench.leases.reliable = false;
      await bench.end('send');
      await expect(result).resolves.toMatchObject({ published: 4, ended: 'idle' });
      await expectRest(4);
      bench.leases.reliable = true;
      await expectNextDelivers(5);
    });

    it('stops the publisher, where it may, and takes that for no outage', async () => {
      hold('send');
      bench.answer = (batch, { mayContinue }) => ({
        outcomes: batch.map(() => ({ status: mayContinue() ? 'published' : 'retry' })),
      });
      const result = bench.run();
      await turns();
      bench.leases.owned.clear();
      await bench.end('send');
      await expect(result).resolves.toMatchObject({ published: 0, ended: 'idle' });
      await expectRest(0);
    });

    it('goes on with the lanes that are left, where it has lost one with what was fetched ahead', async () => {
      bench.add([6, 8], { lane: 2 });
      hold('send');
      const result = bench.run();
      await turns();
      bench.leases.owned.delete(2);
      bench.held.clear();
      await bench.end('send');
      await expect(result).resolves.toMatchObject({ published: 12, ended: 'idle' });
      expect(bench.log).toContain('send 5,7');
      expect([...bench.table.keys()]).toEqual([6, 8]);
    });

    it('finishes what it has fetched of lanes that are being given back, and fetches nothing more of them', async () => {
      bench.add([6, 8, 14], { lane: 2 });
      hold('send');
      const result = bench.run();
      await turns();
      bench.leases.leaving.add(2);
      bench.held.clear();
      await bench.end('send');
      await expect(result).resolves.toMatchObject({ published: 13, ended: 'idle' });
      expect(bench.log).toContain('send 5,6,7,8');
      expect([...bench.table.keys()]).toEqual([14]);
    });

    it('asks for its lanes again before it sends more, where a settling found one lost, and counts nothing of it', async () => {
      bench.fenced = true;
      bench.leases.keep.mockImplementation(() => {
        bench.leases.owned.clear();
        return Promise.resolve(void bench.log.push('keep'));
      });
      await expect(bench.run()).resolves.toEqual({ published: 0, retried: 0, dead: 0, ended: 'idle' });
      expect(bench.leases.keep).toHaveBeenCalledTimes(1);
      // The next batch was on its way when the first one's settling told of the loss.
      expect(bench.log.filter((line) => line.startsWith('send')).length).toBeLessThanOrEqual(2);
    });

    it('asks for its lanes again also where what was due could not be recorded, and does not send it over and over', async () => {
      bench.table.clear();
      bench.fetched = (batch) => ({ ...batch, waiting: { due: 0, held: true } });
      bench.store.dueRetries.mockResolvedValue([aPendingEvent({ seq: 50, id: 'retry', lane: 1, attempts: 1 })]);
      bench.fenced = true;
      bench.leases.keep.mockImplementation(() => {
        bench.leases.owned.clear();
        return Promise.resolve();
      });
      await expect(bench.run()).resolves.toMatchObject({ published: 0, ended: 'idle' });
      expect(bench.log.filter((line) => line === 'send retry')).toHaveLength(1);
    });

    it('does not wake anybody for what is due in lanes that are not its own any more', async () => {
      hold('send');
      bench.answer = (batch) => ({ outcomes: batch.map(() => ({ status: 'rejected', reason: 'too large' })) });
      const result = bench.run();
      await turns();
      bench.leases.owned.clear();
      await bench.end('send');
      await expect(result).resolves.toMatchObject({ ended: 'idle' });
      expect(bench.waiting.nextDueMs).toBe(Infinity);
    });

    it('passes over what is held in lanes that it has taken during a fetch which looked in others', async () => {
      hold('fetch');
      const result = bench.run();
      await turns();
      // As the leases' hook does.
      bench.waiting.forget();
      bench.leases.owned.set(7, '1');
      bench.held.clear();
      await bench.end('fetch');
      await result;
      const queries = bench.queries.map(({ heads, passOver, lookForWaiting }) => [
        heads.size,
        passOver,
        lookForWaiting,
      ]);
      expect(queries.slice(0, 3)).toEqual([
        [2, true, true],
        [3, true, true],
        [3, false, false],
      ]);
    });
  });

  describe('while the application is closing', () => {
    it.each(['fetch', 'send', 'settle'] as const)(
      'ends after the %s that is under way, with all settled',
      async (kind) => {
        let closing = false;
        hold(kind);
        const result = bench.run({ mayGoOn: () => !closing });
        await turns();
        closing = true;
        bench.held.clear();
        while (bench.underWay[kind].length > 0) {
          await bench.end(kind);
        }
        const { published, ended } = await result;
        expect(ended).toBe('interrupted');
        await bench.delivery.settled();
        expect(bench.table.size).toBe(14 - published);
        expect(published).toBeLessThanOrEqual(8);
      },
    );

    it('fails as it would, where the database goes away as well', async () => {
      let closing = false;
      hold('settle');
      const failed = expect(bench.run({ mayGoOn: () => !closing })).rejects.toBe(noDatabase);
      await turns();
      closing = true;
      await bench.end('settle', noDatabase);
      await failed;
      await bench.delivery.settled();
    });

    it('gives up what was sent for too long, when the leases are given back under it', async () => {
      let closing = false;
      hold('send');
      const result = bench.run({ mayGoOn: () => !closing });
      await turns();
      closing = true;
      bench.leases.owned.clear();
      bench.fenced = true;
      await bench.end('send');
      await expect(result).resolves.toMatchObject({ published: 0, ended: 'idle' });
      expect(bench.table.size).toBe(14);
    });
  });
});
