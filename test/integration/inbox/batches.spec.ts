import { InboxBatchStoppedError, type InboxPayloadMessage } from 'nestjs-outboxed';
import { GivenBatch, idOf } from '../support/inbox-messages';
import { CONSUMER, InboxSuite, nothing, once } from '../support/inbox-suite';
import { queryLogger } from '../support/query-logger';

describe('A batch', () => {
  const statements: string[] = [];
  const suite = InboxSuite.declare({ typeorm: { logger: queryLogger((query) => void statements.push(query)) } });

  const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${String(n).padStart(4, '0')}`);
  const shipAll = async (messages: readonly InboxPayloadMessage[]): Promise<void> => {
    await suite.app.dataSource.query('insert into effect (event_id) select unnest($1::text[])', [messages.map(idOf)]);
  };
  const run = (
    batch: GivenBatch,
    handler = jest.fn(shipAll),
    options = {},
  ): ReturnType<typeof suite.inbox.processBatch> =>
    suite.inbox.processBatch(batch, handler, { consumer: CONSUMER, ...options });
  const effects = async (): Promise<readonly string[]> => (await suite.left()).effects;

  beforeEach(() => statements.splice(0));

  it('is handled in one transaction, with one statement for its ids', async () => {
    const batch = new GivenBatch(ids(100));
    await expect(run(batch)).resolves.toEqual({ processed: 100, skipped: 0, retried: 0, dead: 0 });
    const { handled } = await suite.left();
    expect(handled).toEqual(ids(100));
    expect(await effects()).toEqual(ids(100));
    expect(statements.map((statement) => /^START|COMMIT|insert into \S+/.exec(statement)?.[0])).toEqual([
      'START',
      expect.stringMatching(/insert into "?event_inbox"?/) as string,
      'insert into effect',
      'COMMIT',
    ]);
    expect(batch.resolved).toEqual(['99']);
    expect(batch.heartbeats).toBe(1);
  });

  it('gives its messages to the handler as they came, in the order of their offsets', async () => {
    const batch = new GivenBatch(['c', 'a', 'b', { id: 'd', headers: { more: '1' } }]);
    const handler = jest.fn(shipAll);
    await run(batch, handler);
    expect(handler.mock.calls).toEqual([[batch.batch.messages]]);
    const [given] = handler.mock.calls[0]!;
    given.forEach((message, n) => expect(message).toBe(batch.batch.messages[n]));
  });

  it('is committed before its offset is resolved', async () => {
    const batch = new GivenBatch(['a', 'b']);
    await run(
      batch,
      jest.fn(async (messages) => {
        await shipAll(messages);
        expect(await suite.left()).toEqual(nothing);
        expect(batch.resolved).toEqual([]);
      }),
    );
    expect(await effects()).toEqual(['a', 'b']);
  });

  it('is skipped as a whole if all was handled before: the handler does not run', async () => {
    await run(new GivenBatch(ids(20)));
    const again = new GivenBatch(ids(20));
    const handler = jest.fn(shipAll);
    await expect(run(again, handler)).resolves.toEqual({ processed: 0, skipped: 20, retried: 0, dead: 0 });
    expect(handler).not.toHaveBeenCalled();
    expect(again.resolved).toEqual(['19']);
  });

  it('is handled without what is known of it: by a batch, by a single delivery, or from earlier in the batch', async () => {
    await run(new GivenBatch(['a', 'b']));
    await suite.inbox.process(
      { topic: 'orders', partition: 0, message: new GivenBatch(['c']).batch.messages[0]! },
      () => suite.ship('c'),
      {
        consumer: CONSUMER,
      },
    );
    const handler = jest.fn(shipAll);
    const batch = new GivenBatch(['x', 'b', 'y', 'x', 'c', 'z', 'y', 'a']);
    await expect(run(batch, handler)).resolves.toEqual({ processed: 3, skipped: 5, retried: 0, dead: 0 });
    expect(handler.mock.calls.map(([messages]) => messages.map(({ offset }) => offset))).toEqual([['0', '2', '5']]);
    expect(await effects()).toEqual(['a', 'b', 'c', 'x', 'y', 'z']);
  });

  it('is handled by each consumer', async () => {
    await run(new GivenBatch(['a', 'b']));
    await expect(run(new GivenBatch(['a', 'b']), undefined, { consumer: 'billing' })).resolves.toMatchObject({
      processed: 2,
    });
    expect(await effects()).toEqual(['a', 'a', 'b', 'b']);
  });

  it('of more than 500 is handled 500 at a time, with an offset and a heartbeat for each', async () => {
    const all = ids(1200);
    const batch = new GivenBatch(all);
    const handler = jest.fn(shipAll);
    await expect(run(batch, handler)).resolves.toEqual({ processed: 1200, skipped: 0, retried: 0, dead: 0 });
    expect(handler.mock.calls.map(([messages]) => messages.length)).toEqual([500, 500, 200]);
    expect(handler.mock.calls.flatMap(([messages]) => messages.map(idOf))).toEqual(all);
    expect(batch.resolved).toEqual(['499', '999', '1199']);
    expect(batch.heartbeats).toBe(3);
    expect(await effects()).toEqual(all);
  });

  /** A handler in whose first call something happens to the consumer. */
  const shipAllUntil = (happen: () => void): jest.Mock<Promise<void>, [readonly InboxPayloadMessage[]]> =>
    jest.fn(async (messages) => {
      await shipAll(messages);
      happen();
    });

  it('is left where it is when its partition was given away or sought elsewhere', async () => {
    const batch = new GivenBatch(ids(1200));
    const handler = shipAllUntil(() => (batch.stale = true));
    await expect(run(batch, handler)).resolves.toEqual({ processed: 500, skipped: 0, retried: 0, dead: 0 });
    expect(batch.resolved).toEqual(['499']);
    expect(await effects()).toEqual(ids(500));
    await expect(run(batch, handler)).resolves.toEqual({ processed: 0, skipped: 0, retried: 0, dead: 0 });
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('is left where it is when the consumer is being stopped, with an error that keeps kafkajs from resolving the rest', async () => {
    const batch = new GivenBatch(ids(1200));
    const handler = shipAllUntil(() => (batch.running = false));
    const stopped = run(batch, handler);
    await expect(stopped).rejects.toBeInstanceOf(InboxBatchStoppedError);
    await expect(stopped).rejects.toMatchObject({ code: 'OUTBOX_INBOX_BATCH_STOPPED' });
    expect(batch.resolved).toEqual(['499']);
    expect(await effects()).toEqual(ids(500));
    await expect(run(batch, handler)).rejects.toBeInstanceOf(InboxBatchStoppedError);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(batch.resolved).toEqual(['499']);
  });

  it('that was handled to its end when the consumer is being stopped is no error', async () => {
    const batch = new GivenBatch(ids(3));
    const handler = shipAllUntil(() => (batch.running = false));
    await expect(run(batch, handler)).resolves.toEqual({ processed: 3, skipped: 0, retried: 0, dead: 0 });
    expect(batch.resolved).toEqual(['2']);
  });

  it('of none calls nothing', async () => {
    const batch = new GivenBatch([]);
    const handler = jest.fn(shipAll);
    await expect(run(batch, handler)).resolves.toEqual({ processed: 0, skipped: 0, retried: 0, dead: 0 });
    expect(handler).not.toHaveBeenCalled();
    expect(batch.resolved).toEqual([]);
  });

  it('has messages without an id handled each time that they come, with withoutId "process"', async () => {
    const options = { withoutId: 'process' };
    const records = ['a', {}, 'b', {}];
    await expect(run(new GivenBatch(records), undefined, options)).resolves.toMatchObject({ processed: 4, skipped: 0 });
    await expect(run(new GivenBatch(records), undefined, options)).resolves.toMatchObject({ processed: 2, skipped: 2 });
    expect((await suite.left()).handled).toEqual(['a', 'b']);
  });

  it('tells replays apart with onReplay "process", and not otherwise', async () => {
    const replays = [
      'a',
      { id: 'a', headers: { 'outbox-replay': 'r1' } },
      { id: 'a', headers: { 'outbox-replay': 'r2' } },
    ];
    await expect(run(new GivenBatch(replays))).resolves.toMatchObject({ processed: 1, skipped: 2 });
    const options = { onReplay: 'process' };
    await expect(run(new GivenBatch(replays), undefined, options)).resolves.toMatchObject({ processed: 2, skipped: 1 });
    expect(await effects()).toEqual(['a', 'a', 'a']);
  });

  it('inside a transaction commits with it, and its offset is resolved after that, or not at all', async () => {
    const batch = new GivenBatch(['a', 'b']);
    const transaction = suite.app.transactions.run(async () => {
      await expect(run(batch)).resolves.toMatchObject({ processed: 2 });
      throw new Error('no');
    });
    await expect(transaction).rejects.toThrow('no');
    expect(await suite.left()).toEqual(nothing);
    expect(batch.resolved).toEqual([]);
    await suite.app.transactions.run(async () => {
      await expect(run(batch)).resolves.toMatchObject({ processed: 2 });
      expect(batch.resolved).toEqual([]);
    });
    expect(batch.resolved).toEqual(['1']);
    expect(await suite.left()).toEqual({ ...once('a', 'b'), events: [] });
  });
});
