import {
  InboxDeadLetterNotFoundError,
  InboxDeadLetters,
  OutboxArgumentInvalidError,
  type InboxDeadLetterQuery,
} from 'nestjs-outboxed';
import { aRecord } from '../support/inbox-messages';
import { InboxSuite, nothing, once } from '../support/inbox-suite';
import { gate } from '../support/transaction-suite';

describe('Dead letters of the inbox', () => {
  const suite = InboxSuite.declare();
  const failure = new Error('no stock');
  const deadLetters = (): InboxDeadLetters => suite.app.module.get(InboxDeadLetters);

  /** Has messages given up, and returns the numbers of their dead letters. */
  async function giveUp(...ids: string[]): Promise<string[]> {
    for (const id of ids) {
      await suite.deliver(aRecord({ id }), suite.shipThenFail(id, failure), { maxAttempts: 1 });
    }
    const rows = await suite.database.query<{ seq: string }>(
      'select seq::text as seq from event_inbox_dead_letter where message_id = any ($1) order by seq',
      [ids],
    );
    return rows.map(({ seq }) => seq);
  }

  const addMany = (count: number, consumer: string, value: string): Promise<object[]> =>
    suite.database.query(
      `insert into event_inbox_dead_letter (consumer, message_id, replay_id, topic, topic_partition, topic_offset, message_value, headers,
                                            attempts, reason, died_at)
       select ${consumer}, 'm' || n, '', 'orders', 0, n, ${value}, '{}', 10, 'no', now() from generate_series(1, ${count}) n`,
    );

  async function allPages(query: InboxDeadLetterQuery = {}): Promise<string[][]> {
    const pages: string[][] = [];
    let after: string | null = null;
    do {
      const page = await deadLetters().list({ ...query, after });
      pages.push(page.deadLetters.map(({ messageId }) => messageId));
      after = page.next;
    } while (after !== null);
    return pages;
  }

  const names = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, n) => `m${from + n}`);

  describe('are listed', () => {
    it('as an empty page where there are none', async () => {
      expect(await deadLetters().list()).toEqual({ deadLetters: [], next: null });
      expect(await deadLetters().list({ consumer: 'shipping' })).toEqual({ deadLetters: [], next: null });
    });

    it('page by page in the order in which they were given up, the last page full or not', async () => {
      await addMany(25, `'shipping'`, 'null');
      expect(await allPages({ limit: 10 })).toEqual([names(1, 10), names(11, 20), names(21, 25)]);
      expect(await allPages({ limit: 25 })).toEqual([names(1, 25)]);
      expect(await allPages({ limit: 5 })).toHaveLength(5);
      expect(await allPages()).toEqual([names(1, 25)]);
    });

    it('a hundred at a time unless told otherwise', async () => {
      await addMany(150, `'shipping'`, 'null');
      expect((await allPages()).map((page) => page.length)).toEqual([100, 50]);
    });

    it('by consumer', async () => {
      await addMany(6, `case when n % 3 = 0 then 'billing' else 'shipping' end`, 'null');
      expect(await allPages({ consumer: 'billing' })).toEqual([['m3', 'm6']]);
      expect(await allPages({ consumer: 'billing', limit: 1 })).toEqual([['m3'], ['m6']]);
      expect(await allPages({ consumer: 'Billing' })).toEqual([[]]);
    });

    it('by consumer with a bounded number looked at for one page, which says how far it has come', async () => {
      await addMany(10_050, `case when n in (3, 10040) then 'rare' else 'shipping' end`, 'null');
      expect(await allPages({ consumer: 'rare' })).toEqual([['m3'], ['m10040']]);
      expect((await allPages({ consumer: 'none' })).flat()).toEqual([]);
    });

    it('with a page that ends early where the values are large', async () => {
      await addMany(5, `'shipping'`, `convert_to(repeat('x', 3000000), 'UTF8')`);
      expect(await allPages()).toEqual([names(1, 2), names(3, 4), names(5, 5)]);
    });

    it.each([
      ['an unknown name', { topic: 'orders' }, '"topic"'],
      ['a limit of 0', { limit: 0 }, 'limit'],
      ['a limit above a thousand', { limit: 1001 }, 'limit'],
      ['a place that is none', { after: 'x' }, 'after'],
      ['a consumer that is no text', { consumer: 7 }, 'consumer'],
      ['no query', null, 'null'],
    ])('not with %s', async (_what, query, named) => {
      const listing = deadLetters().list(query as InboxDeadLetterQuery);
      await expect(listing).rejects.toBeInstanceOf(OutboxArgumentInvalidError);
      await expect(listing).rejects.toThrow(named);
    });
  });

  describe('are handled after all', () => {
    it('in one transaction with what the handler writes', async () => {
      const [first, second] = await giveUp('a', 'b');
      const result = await deadLetters().handle(first!, async (letter) => {
        expect(letter).toMatchObject({
          seq: first,
          messageId: 'a',
          topic: 'orders',
          attempts: 1,
          reason: 'Error: no stock',
        });
        await suite.ship(letter.messageId);
        expect(await suite.left()).toMatchObject({ effects: [], events: [] });
        return String(letter.value);
      });
      expect(result).toBe('{"n":1}');
      expect(await suite.left()).toEqual({ ...once('a'), handled: ['a', 'b'] });
      expect((await deadLetters().list()).deadLetters).toMatchObject([{ seq: second }]);
      await expect(suite.deliver(aRecord({ id: 'a' }))).resolves.toEqual({ status: 'skipped' });
    });

    it('and stay if that fails', async () => {
      const [seq] = await giveUp('a');
      const before = await deadLetters().list();
      await expect(deadLetters().handle(seq!, suite.shipThenFail('a', failure))).rejects.toBe(failure);
      expect(await deadLetters().list()).toEqual(before);
      expect(await suite.left()).toEqual({ ...nothing, handled: ['a'] });
    });

    it('and stay if that fails inside a transaction that goes on', async () => {
      const [seq] = await giveUp('a');
      await suite.app.transactions.run(async () => {
        await expect(deadLetters().handle(seq!, suite.shipThenFail('a', failure))).rejects.toBe(failure);
        await suite.ship('outer');
      });
      expect((await deadLetters().list()).deadLetters).toHaveLength(1);
      expect((await suite.left()).effects).toEqual(['outer']);
    });

    it('once, also by two operators at the same time', async () => {
      const [seq] = await giveUp('a');
      const begun = gate();
      const ending = gate();
      const first = deadLetters().handle(seq!, async () => {
        await suite.ship('a');
        begun.open();
        await ending.opened;
      });
      await begun.opened;
      const handler = jest.fn();
      const second = deadLetters().handle(seq!, handler);
      second.catch(() => undefined);
      await suite.waiting();
      ending.open();
      await first;
      await expect(second).rejects.toBeInstanceOf(InboxDeadLetterNotFoundError);
      expect(handler).not.toHaveBeenCalled();
      expect((await suite.left()).effects).toEqual(['a']);
    });

    it('not if there is none of that number', async () => {
      const handling = deadLetters().handle('77', () => undefined);
      await expect(handling).rejects.toMatchObject({ code: 'OUTBOX_INBOX_DEAD_LETTER_NOT_FOUND' });
      await expect(handling).rejects.toThrow('There is no dead letter 77');
    });
  });

  describe('are discarded', () => {
    it('and the message stays handled', async () => {
      const [first, second] = await giveUp('a', 'b');
      await expect(deadLetters().discard(first!)).resolves.toBe(true);
      expect((await deadLetters().list()).deadLetters).toMatchObject([{ seq: second }]);
      await expect(suite.deliver(aRecord({ id: 'a' }))).resolves.toEqual({ status: 'skipped' });
    });

    it('once', async () => {
      const [seq] = await giveUp('a');
      const discarding = Array.from({ length: 5 }, () => deadLetters().discard(seq!));
      expect((await Promise.all(discarding)).filter(Boolean)).toHaveLength(1);
      await expect(deadLetters().discard(seq!)).resolves.toBe(false);
    });
  });

  it.each(['handle', 'discard'] as const)('are named by their number: %s takes nothing else', async (method) => {
    for (const seq of ['x', '', '-1', '9223372036854775808', 7, undefined]) {
      const call = deadLetters()[method](seq as string, () => undefined);
      await expect(call).rejects.toBeInstanceOf(OutboxArgumentInvalidError);
      await expect(call).rejects.toThrow(method);
    }
  });
});
