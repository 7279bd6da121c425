import type { InboxConsumerOptions, InboxPayload } from 'nestjs-outboxed';
import { aRecord, GivenBatch, idOf, type GivenRecord } from '../support/inbox-messages';
import { CONSUMER, InboxSuite, nothing, once } from '../support/inbox-suite';

/** A number that JavaScript cannot hold, and bytes that JSON.stringify would not write. */
const VALUE = '{ "n": 12345678901234567890, "a":1.0,  "z":"\\u00fc" }';

interface Event {
  readonly topic: string;
  readonly key: string;
  readonly data: string;
  readonly headers: Record<string, string>;
  readonly delay: number | null;
}

describe('A message that is given up with a retry topic', () => {
  const suite = InboxSuite.declare();
  const failure = new Error('no stock');
  const options = { maxAttempts: 1, retryTopic: 'orders.retry' };
  const fail = (record: InboxPayload, more: Partial<InboxConsumerOptions> = {}): Promise<unknown> =>
    suite.deliver(record, suite.shipThenFail('a', failure), { ...options, ...more });
  const events = (): Promise<Event[]> =>
    suite.database.query<Event>(
      `select topic, event_key as key, event_data::text as data, headers, extract(epoch from available_at - created_at)::float8 as delay
       from event_outbox order by seq`,
    );
  const dead = async (): Promise<number> => (await suite.database.query('select from event_inbox_dead_letter')).length;

  it('is written to it with the same bytes and the same key, and is handled here', async () => {
    const record = aRecord({ id: 'a', key: 'order-7', value: VALUE, headers: { 'x-tenant': 'eu' } });
    await expect(fail(record)).resolves.toEqual({ status: 'retried', error: failure });
    expect(await events()).toEqual([
      {
        topic: 'orders.retry',
        key: 'order-7',
        data: VALUE,
        headers: {
          'x-tenant': 'eu',
          'inbox-message-id': 'a',
          'inbox-topic': 'orders',
          'inbox-consumer': CONSUMER,
          'inbox-reason': 'Error: no stock',
        },
        delay: null,
      },
    ]);
    expect(await dead()).toBe(0);
    expect(await suite.left()).toEqual({ ...nothing, handled: ['a'] });
    await expect(fail(record)).resolves.toEqual({ status: 'skipped' });
    expect(await events()).toHaveLength(1);
    expect(suite.logs.filter((line) => line.includes('It is in the retry topic.'))).toHaveLength(1);
  });

  it('is written to it after maxAttempts', async () => {
    const record = aRecord({ id: 'a' });
    await expect(fail(record, { maxAttempts: 3 })).rejects.toBe(failure);
    await expect(fail(record, { maxAttempts: 3 })).rejects.toBe(failure);
    expect(await events()).toEqual([]);
    await expect(fail(record, { maxAttempts: 3 })).resolves.toMatchObject({ status: 'retried' });
    expect(await events()).toHaveLength(1);
  });

  it('is delivered there after retryDelaySeconds', async () => {
    await fail(aRecord({ id: 'a' }), { retryDelaySeconds: 90 });
    const [event] = await events();
    // Reckoned by two clocks, or by one that was read twice.
    expect(event?.delay).toBeGreaterThan(60);
    expect(event?.delay).toBeLessThan(91);
  });

  it.each<[string, InboxPayload]>([
    ['no JSON', aRecord({ id: 'a', value: 'PAID;7' })],
    ['a text with a NUL in it', aRecord({ id: 'a', value: '"a\0b"' })],
    ['nothing at all', aRecord({ id: 'a', value: null })],
    ['JSON whose text is not UTF-8', aRecord({ id: 'a', value: Buffer.from([0x22, 0xff, 0x22]) })],
    ['of a key that is no text', aRecord({ id: 'a', key: Buffer.from([0xff, 0x00]) })],
    ['of a key that is longer than those of the outbox', aRecord({ id: 'a', key: 'k'.repeat(300) })],
    ['what came from there', aRecord({ id: 'a', topic: 'orders.retry' })],
  ])('becomes a dead letter if it is %s', async (_what, record) => {
    await expect(fail(record, { maxAttempts: 2 })).rejects.toBe(failure);
    await expect(fail(record, { maxAttempts: 2 })).resolves.toEqual({ status: 'dead', error: failure });
    expect(await events()).toEqual([]);
    expect(await dead()).toBe(1);
    expect(await suite.records()).toMatchObject([{ id: 'a', handled: true, attempts: 2 }]);
    await expect(fail(record)).resolves.toEqual({ status: 'skipped' });
  });

  it('is not given up if it cannot be written there: both are one commit', async () => {
    const record = aRecord({ id: 'a' });
    await expect(fail(record, { maxAttempts: 2 })).rejects.toBe(failure);
    await suite.database.query(`alter table event_outbox add constraint refusing check (topic <> 'orders.retry')`);
    await expect(fail(record, { maxAttempts: 2 })).rejects.toBe(failure);
    expect(await suite.records()).toMatchObject([{ id: 'a', handled: false, attempts: 1 }]);
    expect(suite.logs.filter((line) => line.includes('could not be counted'))).toHaveLength(1);
    await suite.database.query('alter table event_outbox drop constraint refusing');
    await expect(fail(record, { maxAttempts: 2 })).resolves.toMatchObject({ status: 'retried' });
    expect(await events()).toHaveLength(1);
  });

  it('has the key of its event or its own id where it has no key', async () => {
    await fail(aRecord({ id: 'a', key: null, headers: { ce_subject: 'order-7' } }));
    await fail(aRecord({ id: 'b', key: null }));
    expect((await events()).map(({ key }) => key)).toEqual(['order-7', 'b']);
  });

  it('is skipped there by other consumers of that topic, and handled by its own', async () => {
    const givenUpBy = (consumer: string): GivenRecord => ({
      id: `by-${consumer}`,
      topic: 'orders.retry',
      headers: { 'inbox-consumer': consumer },
    });
    const [own, foreign] = [givenUpBy(CONSUMER), givenUpBy('billing')];
    await expect(suite.deliver(aRecord(foreign), undefined, options)).resolves.toEqual({ status: 'skipped' });
    expect(await suite.left()).toEqual(nothing);
    expect(await suite.records()).toEqual([]);
    await expect(suite.deliver(aRecord(own), undefined, options)).resolves.toEqual({ status: 'processed' });
    // Where it is not the topic that both write to, the header says nothing of whose it is.
    const elsewhere = { ...foreign, topic: 'orders' };
    await expect(suite.deliver(aRecord(elsewhere), undefined, options)).resolves.toEqual({ status: 'processed' });
    expect(await suite.left()).toEqual(once('by-billing', `by-${CONSUMER}`));
  });

  it('is skipped there by other consumers also in a batch', async () => {
    const headers = { 'inbox-consumer': 'billing' };
    const records = ['a', { id: 'b', headers }, { id: 'c', headers: { 'inbox-consumer': CONSUMER } }, { headers }];
    const handle = (batch: GivenBatch): Promise<unknown> =>
      suite.inbox.processBatch(
        batch,
        async (messages) => {
          for (const message of messages) {
            await suite.ship(idOf(message));
          }
        },
        { consumer: CONSUMER, withoutId: 'process', ...options },
      );
    const batch = new GivenBatch(records, 0, 'orders.retry');
    await expect(handle(batch)).resolves.toEqual({ processed: 2, skipped: 2, retried: 0, dead: 0 });
    expect(batch.resolved).toEqual(['3']);
    expect(await suite.left()).toEqual(once('a', 'c'));
    const foreign = new GivenBatch([{ id: 'b', headers }], 0, 'orders.retry');
    await expect(handle(foreign)).resolves.toEqual({ processed: 0, skipped: 1, retried: 0, dead: 0 });
    expect(foreign.resolved).toEqual(['0']);
    expect(await suite.left()).toEqual(once('a', 'c'));
  });

  it('names the first topic and the first id when it goes on to a second retry topic', async () => {
    const headers = {
      'inbox-message-id': 'a',
      'inbox-topic': 'orders',
      'inbox-consumer': CONSUMER,
      'inbox-reason': 'x',
    };
    const record = aRecord({ id: 'retry-1', topic: 'orders.retry', headers });
    await expect(fail(record, { retryTopic: 'orders.retry.slow' })).resolves.toMatchObject({ status: 'retried' });
    expect(await events()).toMatchObject([
      { topic: 'orders.retry.slow', headers: { ...headers, 'inbox-reason': 'Error: no stock' } },
    ]);
  });
});
