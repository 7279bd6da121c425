import { InboxBatchStoppedError, type InboxConsumerOptions, type InboxPayloadMessage } from 'nestjs-outboxed';
import { closeDatabase } from '../support/closed-database';
import { GivenBatch, idOf, type GivenRecord } from '../support/inbox-messages';
import { CONSUMER, InboxSuite, nothing, once } from '../support/inbox-suite';

describe('A batch whose handler fails', () => {
  const suite = InboxSuite.declare();
  const failure = new Error('no stock');
  let bad: Set<string>;
  let calls: string[][];

  /** Ships in the order in which it is given the messages, until it meets a bad one. */
  const shipAll = async (messages: readonly InboxPayloadMessage[]): Promise<void> => {
    calls.push(messages.map(idOf));
    for (const message of messages) {
      await suite.ship(idOf(message));
      if (bad.has(idOf(message))) {
        throw failure;
      }
    }
  };
  const run = (
    batch: GivenBatch,
    options: Partial<InboxConsumerOptions> = {},
  ): ReturnType<typeof suite.inbox.processBatch> =>
    suite.inbox.processBatch(batch, shipAll, { consumer: CONSUMER, ...options });
  /** What the broker delivers next: all from the first record on whose offset was not resolved. */
  const rest = ({ batch, resolved }: GivenBatch): GivenBatch => {
    const next = Number(resolved.at(-1) ?? -1) + 1;
    const records = batch.messages
      .slice(next)
      .map((message): GivenRecord => ({ id: idOf(message), offset: message.offset }));
    return new GivenBatch(records);
  };
  const warnings = (): string[] => suite.logs.filter((line) => line.includes('failed together'));

  beforeEach(() => {
    bad = new Set();
    calls = [];
  });

  it('is handled one by one up to the message that fails; those before it are committed, and their offsets resolved', async () => {
    bad.add('c');
    const batch = new GivenBatch(['a', 'b', 'c', 'd', 'e']);
    await expect(run(batch)).rejects.toBe(failure);
    expect(calls).toEqual([['a', 'b', 'c', 'd', 'e'], ['a'], ['b'], ['c']]);
    expect(await suite.left()).toEqual(once('a', 'b'));
    expect(await suite.records()).toMatchObject([
      { id: 'a', attempts: 0 },
      { id: 'b', attempts: 0 },
      { id: 'c', handled: false, attempts: 1, reason: 'Error: no stock' },
    ]);
    expect(batch.resolved).toEqual(['0', '1']);
    expect(batch.heartbeats).toBe(2);
  });

  it('goes on behind the message when that is given up', async () => {
    bad.add('c');
    let batch = new GivenBatch(['a', 'b', 'c', 'd', 'e']);
    const options = { maxAttempts: 3 };
    for (let n = 1; n < 3; n++) {
      await expect(run(batch, options)).rejects.toBe(failure);
      batch = rest(batch);
    }
    await expect(run(batch, options)).resolves.toEqual({ processed: 2, skipped: 0, retried: 0, dead: 1 });
    expect(batch.resolved).toEqual(['2', '3', '4']);
    expect(await suite.left()).toEqual({ ...once('a', 'b', 'd', 'e'), handled: ['a', 'b', 'c', 'd', 'e'] });
    expect(
      await suite.database.query('select message_id as id, topic_offset as "offset" from event_inbox_dead_letter'),
    ).toEqual([{ id: 'c', offset: '2' }]);
  });

  it('has the message handled with the others when it fails no more', async () => {
    bad.add('c');
    const batch = new GivenBatch(['a', 'b', 'c', 'd', 'e']);
    await expect(run(batch)).rejects.toBe(failure);
    bad.clear();
    calls = [];
    await expect(run(rest(batch))).resolves.toEqual({ processed: 3, skipped: 0, retried: 0, dead: 0 });
    expect(calls).toEqual([['c', 'd', 'e']]);
    expect(await suite.left()).toEqual(once('a', 'b', 'c', 'd', 'e'));
  });

  it('counts for each message what became of it', async () => {
    await suite.inbox.processBatch(new GivenBatch(['known']), shipAll, { consumer: CONSUMER });
    ['b', 'c'].forEach((id) => bad.add(id));
    const batch = new GivenBatch(['a', 'known', 'b', { id: 'c', value: 'no JSON' }, 'd', 'a']);
    const options = { maxAttempts: 1, retryTopic: 'orders.retry' };
    await expect(run(batch, options)).resolves.toEqual({ processed: 2, skipped: 2, retried: 1, dead: 1 });
    expect(await suite.left()).toEqual({ ...once('a', 'd', 'known'), handled: ['a', 'b', 'c', 'd', 'known'] });
    expect(
      await suite.database.query(
        `select headers->>'inbox-message-id' as id from event_outbox where topic = 'orders.retry'`,
      ),
    ).toEqual([{ id: 'b' }]);
    expect(batch.resolved).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  it('of more than 500 is handled one by one only where it fails', async () => {
    const ids = Array.from({ length: 1100 }, (_, n) => `m${n}`);
    bad.add('m700');
    const batch = new GivenBatch(ids);
    await expect(run(batch, { maxAttempts: 1 })).resolves.toEqual({ processed: 1099, skipped: 0, retried: 0, dead: 1 });
    expect(calls.map(({ length }) => length).filter((length) => length > 1)).toEqual([500, 500, 100]);
    expect(calls).toHaveLength(3 + 500);
    expect(batch.resolved).toEqual(['499', ...Array.from({ length: 500 }, (_, n) => String(500 + n)), '1099']);
    expect((await suite.left()).effects).toHaveLength(1099);
  });

  it('is left where it is when the consumer is stopped between two of its messages', async () => {
    bad.add('d');
    const batch = new GivenBatch(['a', 'b', 'c', 'd']);
    const handler = async (messages: readonly InboxPayloadMessage[]): Promise<void> => {
      await shipAll(messages);
      batch.running = idOf(messages[0]!) !== 'b';
    };
    const stopped = suite.inbox.processBatch(batch, handler, { consumer: CONSUMER });
    await expect(stopped).rejects.toBeInstanceOf(InboxBatchStoppedError);
    expect(batch.resolved).toEqual(['0', '1']);
    expect(await suite.left()).toEqual(once('a', 'b'));
  });

  it('because a message has no id handles the others; the one is counted by its place', async () => {
    const unnamed = { offset: '1', timestamp: '1700000000000' };
    const batch = new GivenBatch(['a', unnamed, 'b']);
    await expect(run(batch, { maxAttempts: 2 })).rejects.toMatchObject({ code: 'OUTBOX_INBOX_MESSAGE_ID_MISSING' });
    expect(batch.resolved).toEqual(['0']);
    const next = new GivenBatch([unnamed, { id: 'b', offset: '2' }]);
    await expect(run(next, { maxAttempts: 2 })).resolves.toEqual({ processed: 1, skipped: 0, retried: 0, dead: 1 });
    expect(await suite.left()).toEqual({ ...once('a', 'b'), handled: ['a', 'b', 'orders[0]@1/1700000000000'] });
  });

  it('at its COMMIT handles all but the message that is at fault', async () => {
    await suite.database.query(
      `create function refuse() returns trigger language plpgsql as $$ begin
         if new.event_id = 'c' then raise exception 'refused'; end if; return new; end $$;
       create constraint trigger refusing after insert on effect deferrable initially deferred for each row execute function refuse()`,
    );
    const batch = new GivenBatch(['a', 'b', 'c', 'd']);
    const outcome = run(batch, { maxAttempts: 1 });
    await expect(outcome).resolves.toEqual({ processed: 3, skipped: 0, retried: 0, dead: 1 });
    await suite.database.query('drop trigger refusing on effect; drop function refuse()');
    expect((await suite.left()).effects).toEqual(['a', 'b', 'd']);
  });

  it('together, but not one by one, is handled; a warning tells of it once', async () => {
    const batch = new GivenBatch(['a', 'b', 'c']);
    const handler = async (messages: readonly InboxPayloadMessage[]): Promise<void> => {
      await shipAll(messages);
      if (messages.length > 1) {
        throw failure;
      }
    };
    const outcome = suite.inbox.processBatch(batch, handler, { consumer: CONSUMER });
    await expect(outcome).resolves.toEqual({ processed: 3, skipped: 0, retried: 0, dead: 0 });
    expect(batch.resolved).toEqual(['0', '1', '2']);
    expect(await suite.left()).toEqual(once('a', 'b', 'c'));
    expect(await suite.records()).toMatchObject([{ attempts: 0 }, { attempts: 0 }, { attempts: 0 }]);
    expect(warnings()).toEqual([expect.stringMatching(/A batch of 3 messages failed together.*no stock/) as string]);
  });

  it('because of one message tells of that one alone', async () => {
    bad.add('b');
    const batch = new GivenBatch(['a', 'b', 'c']);
    await expect(run(batch)).rejects.toBe(failure);
    await expect(run(rest(batch), { maxAttempts: 2 })).resolves.toMatchObject({ processed: 1, dead: 1 });
    expect(warnings()).toEqual([]);
  });

  it('while the database is away resolves nothing and charges nobody', async () => {
    const open = await closeDatabase(suite.database);
    const batch = new GivenBatch(['a', 'b']);
    await expect(run(batch, { maxAttempts: 1 })).rejects.toThrow();
    expect(calls).toEqual([]);
    await open();
    expect(batch.resolved).toEqual([]);
    expect(await suite.left()).toEqual(nothing);
    expect(await suite.records()).toEqual([]);
    await expect(run(batch, { maxAttempts: 1 })).resolves.toMatchObject({ processed: 2 });
  });
});
