import { randomUUID } from 'node:crypto';
import type { DeadLetter, DeadLetterQuery } from 'nestjs-outboxed';
import { AdminSuite } from '../support/admin-suite';
import { addDeadLetter } from '../support/dead-letters';

describe('Looking at dead letters', () => {
  const suite = AdminSuite.declare();

  const addMany = (count: number, select: string): Promise<object[]> =>
    suite.database.query(
      `insert into event_outbox_dead_letter
         (seq, id, lane, aggregate_type, aggregate_id, event_type, topic, event_key, event_data, created_at, attempts, reason,
          died_at, holds_key)
       select n, gen_random_uuid(), 0, 'item', 'item-1', ${select}, now(), 6, 'refused', now(), false
       from generate_series(1, ${count}) n`,
    );

  /** How large data are stored from now on: as they are, or compressed. */
  const store = (how: 'external' | 'extended'): Promise<object[]> =>
    suite.database.query(`alter table event_outbox_dead_letter alter column event_data set storage ${how}`);

  /** All pages of a query; `between` is called after each. */
  async function allPages(
    query: DeadLetterQuery,
    between: (page: readonly DeadLetter[]) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<string[][]> {
    const pages: string[][] = [];
    let after: string | null = null;
    do {
      const page = await suite.deadLetters.list({ ...query, after });
      pages.push(page.deadLetters.map(({ id }) => id));
      await between(page.deadLetters);
      after = page.next;
    } while (after !== null);
    return pages;
  }

  it('gives everything that is known, and the data as the text that was stored', async () => {
    const eventData = '{ "z": 12345678901234567890, "a":1.0,  "z":"\\u00fc" }';
    const id = await addDeadLetter(suite.database, {
      seq: '9007199254740993',
      eventData,
      headers: '{"zeta":"1","alpha":"2"}',
      holdsKey: true,
    });
    const expected = {
      id,
      seq: '9007199254740993',
      aggregateType: 'item',
      aggregateId: 'item-1',
      eventType: 'ItemChanged',
      topic: 'items',
      eventKey: 'key-1',
      eventData,
      headers: { zeta: '1', alpha: '2' },
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'vendor=1',
      createdAt: new Date('2026-01-02T03:04:05.678Z'),
      availableAt: new Date('2026-01-02T04:00:00Z'),
      attempts: 6,
      reason: 'the broker refused it',
      diedAt: new Date('2026-01-03T00:00:00Z'),
      holdsKey: true,
    };
    expect(await suite.deadLetters.get(id.toUpperCase())).toEqual(expected);
    expect(await suite.deadLetters.list()).toEqual({ deadLetters: [expected], next: null });
    expect(await suite.deadLetters.get(randomUUID())).toBeNull();
  });

  it('gives an empty page where there are none', async () => {
    expect(await suite.deadLetters.list()).toEqual({ deadLetters: [], next: null });
    expect(await suite.deadLetters.list({ topic: 'items' })).toEqual({ deadLetters: [], next: null });
  });

  it('gives them page by page in the order of the outbox, the last page full or not', async () => {
    await addMany(25, `'ItemChanged', 'items', 'key-1', '{}'`);
    const ids = await suite.dead();
    expect(await allPages({ limit: 10 })).toEqual([ids.slice(0, 10), ids.slice(10, 20), ids.slice(20)]);
    expect(await allPages({ limit: 25 })).toEqual([ids]);
    expect(await allPages({ limit: 5 })).toHaveLength(5);
    expect(await allPages({})).toEqual([ids]);
  });

  it('leaves none out and gives none twice, while others are deleted', async () => {
    await addMany(30, `'ItemChanged', 'items', 'key-1', '{}'`);
    const ids = await suite.dead();
    const doomed = [ids[0]!, ids[5]!, ids[9]!, ids[10]!, ids[15]!, ids[29]!];
    let deleted = false;
    const pages = await allPages({ limit: 10 }, async () => {
      if (!deleted) {
        deleted = true;
        await suite.deadLetters.discardMany(doomed);
      }
    });
    expect(pages.flat()).toEqual([...ids.slice(0, 10), ...ids.slice(10).filter((id) => !doomed.includes(id))]);
  });

  it('finds by topic, key and type', async () => {
    const plain = await addDeadLetter(suite.database);
    const topic = await addDeadLetter(suite.database, { topic: 'orders' });
    const key = await addDeadLetter(suite.database, { eventKey: 'key-2' });
    const type = await addDeadLetter(suite.database, { eventType: 'ItemSold' });
    expect(await allPages({ topic: 'orders' })).toEqual([[topic]]);
    expect(await allPages({ eventKey: 'key-2' })).toEqual([[key]]);
    expect(await allPages({ eventType: 'ItemSold' })).toEqual([[type]]);
    expect(await allPages({ topic: 'items', eventKey: 'key-1', eventType: 'ItemChanged' })).toEqual([[plain]]);
    expect(await allPages({ topic: 'orders', eventKey: 'key-2' })).toEqual([[]]);
    expect(await allPages({ topic: 'items', limit: 2 })).toEqual([[plain, key], [type]]);
  });

  it('looks at a bounded number for one page, and says how far it has come', async () => {
    await addMany(10_050, `'ItemChanged', case when n in (3, 10040) then 'rare' else 'items' end, 'key-1', '{}'`);
    const pages = await allPages({ topic: 'rare' });
    expect(pages.map((page) => page.length)).toEqual([1, 1]);
    const none = await suite.deadLetters.list({ topic: 'none' });
    expect(none).toEqual({ deadLetters: [], next: '10000' });
    expect(await suite.deadLetters.list({ topic: 'none', after: '10000' })).toEqual({ deadLetters: [], next: null });
  });

  it('ends a page early where the data are large', async () => {
    await store('external');
    await addMany(5, `'ItemChanged', 'items', 'key-1', to_json(repeat('x', 3000000))`);
    const pages = await allPages({});
    expect(pages.flat()).toEqual(await suite.dead());
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
  });

  it('ends a page early also where the data are stored in less than they are', async () => {
    await store('extended');
    await addMany(
      20,
      `'ItemChanged', 'items', 'key-1', to_json(repeat('x', case when n = 20 then 9000000 else 1000000 end))`,
    );
    const [stored] = await suite.database.query<{ bytes: string }>(
      'select sum(pg_column_size(event_data)) as bytes from event_outbox_dead_letter',
    );
    expect(Number(stored?.bytes)).toBeLessThan(1_000_000);
    const pages = await allPages({});
    expect(pages.flat()).toEqual(await suite.dead());
    expect(pages.map((page) => page.length)).toEqual([8, 8, 3, 1]);
  });
});
