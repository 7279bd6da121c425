import { InboxDeadLetters, OutboxEvents, type InboxConsumerOptions, type OutboxActivity } from 'nestjs-outboxed';
import { eventually } from '../support/eventually';
import { aRecord, GivenBatch, type GivenRecord } from '../support/inbox-messages';
import { CONSUMER, InboxSuite } from '../support/inbox-suite';
import { scraped, type Labels } from '../support/scrape';

const PROCESSED = 'outbox_inbox_processed_total';
const SKIPPED = 'outbox_inbox_skipped_total';
const FAILED = 'outbox_inbox_failed_total';
const GIVEN_UP = 'outbox_inbox_given_up_total';
const AGE = 'outbox_inbox_age_seconds';
const DEAD_LETTERS = 'outbox_inbox_dead_letters';

describe('The metrics of the inbox', () => {
  const suite = InboxSuite.declare({ outbox: { relay: false, enableMetrics: true, source: '/shipping' } });
  const failure = new Error('no stock');
  let consumer: string;
  let number = 0;
  let activities: OutboxActivity[];

  const handle = (record: GivenRecord, options: Partial<InboxConsumerOptions> = {}): Promise<unknown> =>
    suite.deliver(aRecord(record), () => suite.ship(record.id ?? 'none'), { consumer, ...options });
  const fail = (record: GivenRecord, options: Partial<InboxConsumerOptions> = {}): Promise<unknown> =>
    suite.deliver(aRecord(record), suite.shipThenFail(record.id ?? 'none', failure), { consumer, ...options });
  const value = (name: string, labels: Labels = { consumer }): Promise<number | undefined> =>
    scraped(name, { service: '/shipping', ...labels });
  const becomes = async (name: string, expected: number, labels?: Labels): Promise<void> => {
    await eventually(`${name} of ${expected}`, async () => (await value(name, labels)) === expected);
  };

  beforeAll(() => {
    suite.app.module.get(OutboxEvents).subscribe((activity) => void activities.push(activity));
  });
  // Counters go on from one test to the next.
  beforeEach(() => {
    consumer = `${CONSUMER}-${++number}`;
    activities = [];
  });

  it('count what was handled, and what was skipped, by consumer', async () => {
    for (const id of ['a', 'b', 'a', 'c', 'a']) {
      await handle({ id });
    }
    await handle({ id: 'a' }, { consumer: 'billing' });
    await becomes(PROCESSED, 3);
    expect(await value(SKIPPED)).toBe(2);
    expect(await value(PROCESSED, { consumer: 'billing' })).toBe(1);
    expect(await value(SKIPPED, { consumer: 'billing' })).toBeUndefined();
    expect(await value(FAILED)).toBeUndefined();
    const [{ n } = { n: NaN }] = await suite.database.query<{ n: number }>(
      'select count(*)::int as n from event_inbox where consumer = $1 and processed_at is not null',
      [consumer],
    );
    expect(n).toBe(3);
  });

  it('count a message once its transaction has committed, and never if it was rolled back', async () => {
    await suite.app.transactions.run(async () => {
      await handle({ id: 'a' });
      expect(await value(PROCESSED)).toBeUndefined();
    });
    await becomes(PROCESSED, 1);
    await suite.app.transactions
      .run(async () => {
        await handle({ id: 'b' });
        throw failure;
      })
      .catch(() => undefined);
    await handle({ id: 'c' });
    await becomes(PROCESSED, 2);
  });

  it('count failed attempts and what is given up, and show the dead letters that there are', async () => {
    await fail({ id: 'a' }).catch(() => undefined);
    await handle({ id: 'a' });
    for (const id of ['b', 'c']) {
      await fail({ id }, { maxAttempts: 2 }).catch(() => undefined);
      await fail({ id }, { maxAttempts: 2 });
    }
    await fail({ id: 'd' }, { maxAttempts: 1, retryTopic: 'orders.retry' });
    await fail({ id: 'e' }, { countsAsAttempt: () => false }).catch(() => undefined);
    expect(await value(FAILED)).toBe(6);
    expect(await value(GIVEN_UP)).toBe(3);
    await becomes(PROCESSED, 1);
    await becomes(DEAD_LETTERS, 2, {});
    const [letter] = (await suite.app.module.get(InboxDeadLetters).list()).deadLetters;
    await suite.app.module.get(InboxDeadLetters).discard(letter!.seq);
    await becomes(DEAD_LETTERS, 1, {});
  });

  it('count a message without an id that is refused', async () => {
    await handle({}).catch(() => undefined);
    await handle({}, { withoutId: 'process' });
    expect(await value(FAILED)).toBe(1);
    await becomes(PROCESSED, 1);
  });

  it('count the messages of a batch one by one', async () => {
    const shipAll = async (messages: readonly unknown[]): Promise<void> => {
      if (messages.length > 1) {
        throw failure;
      }
    };
    await suite.inbox.processBatch(new GivenBatch(['a', 'b', 'a']), shipAll, { consumer });
    await becomes(PROCESSED, 2);
    await becomes(SKIPPED, 1);
    await suite.inbox.processBatch(new GivenBatch(['a', 'c', 'b']), shipAll, { consumer });
    await becomes(PROCESSED, 3);
    await becomes(SKIPPED, 3);
    // That of the batch is that of no message: each was handled one by one then.
    expect(await value(FAILED)).toBeUndefined();
    expect(await value(`${AGE}_count`)).toBe(3);
  });

  it('tell how old messages were, from the adding of their event, or else from their record', async () => {
    const ago = (seconds: number): number => Date.now() - seconds * 1000;
    const added = (seconds: number): Record<string, string> => ({ ce_time: new Date(ago(seconds)).toISOString() });
    await handle({ id: 'a', headers: added(0) });
    await handle({ id: 'b', headers: added(120) });
    await handle({ id: 'c', headers: added(-3600) });
    const record = aRecord({ id: 'd' });
    await suite.deliver(
      { ...record, message: { ...record.message, timestamp: String(ago(1800)) } },
      () => suite.ship('d'),
      { consumer },
    );
    await handle({ id: 'b', headers: added(120) });
    await becomes(`${AGE}_count`, 4);
    expect(await value(`${AGE}_bucket`, { consumer, le: '60' })).toBe(2);
    expect(await value(`${AGE}_bucket`, { consumer, le: '300' })).toBe(3);
    expect(await value(`${AGE}_bucket`, { consumer, le: '3600' })).toBe(4);
    const sum = await value(`${AGE}_sum`);
    expect(sum).toBeGreaterThanOrEqual(1920);
    expect(sum).toBeLessThan(2100);
  });

  it('are those of the stream of activities', async () => {
    await handle({ id: 'a' });
    await handle({ id: 'a' });
    await fail({ id: 'b' }, { maxAttempts: 2 }).catch(() => undefined);
    await fail({ id: 'b' }, { maxAttempts: 2 });
    await fail({ id: 'c' }, { maxAttempts: 1, retryTopic: 'orders.retry' });
    const named = (id: string): object => ({ consumer, id, topic: 'orders', reason: 'Error: no stock' });
    await eventually('the last', () => activities.some(({ type }) => type === 'inbox-processed'));
    expect(activities.filter(({ type }) => type.startsWith('inbox-'))).toEqual([
      { type: 'inbox-processed', consumer, ageSeconds: [expect.any(Number)] },
      { type: 'inbox-skipped', consumer, count: 1 },
      { type: 'inbox-failed', ...named('b'), attempts: 1 },
      { type: 'inbox-failed', ...named('b'), attempts: 2 },
      { type: 'inbox-given-up', ...named('b'), attempts: 2, retryTopic: false },
      { type: 'inbox-failed', ...named('c'), attempts: 1 },
      { type: 'inbox-given-up', ...named('c'), attempts: 1, retryTopic: true },
    ]);
  });
});
