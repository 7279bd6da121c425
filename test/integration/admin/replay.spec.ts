import { randomUUID } from 'node:crypto';
import {
  InProcessPublisher,
  OutboxDeadLetterNotFoundError,
  OutboxDeadLetters,
  OutboxReplayConflictError,
  type OutboxMessage,
} from 'nestjs-outboxed';
import { laneOf } from '../../../lib/store/ordering-key';
import { AdminSuite } from '../support/admin-suite';
import { addDeadLetter, addDeadLetters, rewoundLanes } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { anEvent, startOutboxApp } from '../support/outbox-app';

describe('Replaying', () => {
  const suite = AdminSuite.declare();

  const addEvent = (id: string): Promise<string> =>
    suite.app.dataSource.transaction(() => suite.app.outbox.addEvent(anEvent({ id })));

  it('brings the event back as it was, to its place, with the header and no attempts', async () => {
    const eventData = '{ "z": 12345678901234567890, "a":1.0,  "z":"\\u00fc" }';
    const headers = '{"zeta":"1","alpha":"\\u00fc \\"x\\"","Outbox-Replays":"2","10":"ten","9":"nine"}';
    const id = await addDeadLetter(suite.database, { eventData, headers, seq: '9007199254740993' });
    const replayId = await suite.deadLetters.replay(id.toUpperCase());
    const [event] = await suite.database.query<object>(
      `select seq::text, id::text, lane, aggregate_type, aggregate_id, event_type, topic, event_key, event_data::text, headers::text,
              traceparent, tracestate, created_at = '2026-01-02T03:04:05.678901Z' as created, available_at = '2026-01-02T04:00:00Z' as available,
              attempts, retry_at, last_error, published_at, xid::text::xid = xmin as by_its_transaction
       from event_outbox`,
    );
    expect(event).toEqual({
      seq: '9007199254740993',
      id,
      lane: laneOf('key-1'),
      aggregate_type: 'item',
      aggregate_id: 'item-1',
      event_type: 'ItemChanged',
      topic: 'items',
      event_key: 'key-1',
      event_data: eventData,
      headers: headers.replace('}', `,"outbox-replay":"${replayId}"}`),
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'vendor=1',
      created: true,
      available: true,
      attempts: 0,
      retry_at: null,
      last_error: null,
      published_at: null,
      by_its_transaction: true,
    });
    expect(await suite.dead()).toEqual([]);
  });

  it.each([
    ['an event without headers', null, ''],
    ['an event with an empty set of headers', '{}', ''],
    ['an earlier replay', '{"a":"1","outbox-replay":"old","b":"2"}', '"a":"1","b":"2",'],
    ['only an earlier replay', '{"outbox-replay":"old"}', ''],
  ])('gives its header to %s', async (_what, headers, others) => {
    const id = await addDeadLetter(suite.database, { headers });
    const replayId = await suite.deadLetters.replay(id);
    const [event] = await suite.database.query<{ headers: string }>('select headers::text from event_outbox');
    expect(event?.headers).toBe(`{${others}"outbox-replay":"${replayId}"}`);
  });

  it('says that there is no such dead letter, also the second time', async () => {
    const id = await addDeadLetter(suite.database);
    await expect(suite.deadLetters.replay(randomUUID())).rejects.toBeInstanceOf(OutboxDeadLetterNotFoundError);
    await suite.deadLetters.replay(id);
    await expect(suite.deadLetters.replay(id)).rejects.toMatchObject({ code: 'OUTBOX_DEAD_LETTER_NOT_FOUND', id });
    expect(await suite.inOutbox()).toEqual([id]);
  });

  it('leaves a dead letter where it is, if the outbox holds an event of its id or position', async () => {
    const sameId = await addDeadLetter(suite.database);
    await addEvent(sameId);
    const other = await addEvent(randomUUID());
    const [row] = await suite.database.query<{ seq: string }>('select seq::text from event_outbox where id = $1', [
      other,
    ]);
    const samePosition = await addDeadLetter(suite.database, { seq: row!.seq, holdsKey: true });
    for (const id of [sameId, samePosition]) {
      await expect(suite.deadLetters.replay(id)).rejects.toBeInstanceOf(OutboxReplayConflictError);
    }
    expect(await suite.dead()).toEqual([sameId, samePosition]);
    expect(await suite.inOutbox()).toEqual([sameId, other]);
    expect(await rewoundLanes(suite.database)).toEqual([]);
  });

  it('of many brings back what it can in one statement, and tells what became of each', async () => {
    const ids = await addDeadLetters(
      suite.database,
      Array.from({ length: 50 }, () => ({})),
    );
    const [conflict, stays, ...others] = ids as [string, string, ...string[]];
    await addEvent(conflict);
    const unknown = randomUUID();
    const asked = [unknown, ...others, conflict];
    const { replayId, ...result } = await suite.deadLetters.replayMany(asked);
    expect(result).toEqual({ replayed: others, conflicts: [conflict], notFound: [unknown] });
    expect(await suite.dead()).toEqual([conflict, stays]);
    const replays = await suite.database.query<object>(
      `select headers->>'outbox-replay' as replay, count(*)::int, count(distinct xid)::int as transactions
       from event_outbox where headers is not null group by 1`,
    );
    expect(replays).toEqual([{ replay: replayId, count: 48, transactions: 1 }]);
  });

  it('has the owner of the lane begin anew, if the dead letter held its key', async () => {
    expect(new Set(['held', 'free', 'other'].map(laneOf)).size).toBe(3);
    await addDeadLetter(suite.database, { eventKey: 'other', holdsKey: true });
    await suite.deadLetters.replayMany([
      await addDeadLetter(suite.database, { eventKey: 'held', holdsKey: true }),
      await addDeadLetter(suite.database, { eventKey: 'free' }),
    ]);
    expect(await rewoundLanes(suite.database)).toEqual([laneOf('held')]);
    expect(await suite.inOutbox()).toHaveLength(2);
  });

  describe('at the same time as', () => {
    /** Does `first` and, before its transaction ends, `second`, which then waits for it. */
    async function overlapping<T>(first: () => Promise<unknown>, second: () => Promise<T>): Promise<T> {
      let waiting: Promise<T> | undefined;
      await suite.app.dataSource.transaction(async () => {
        await first();
        waiting = suite.app.transactions.run(second, { propagation: 'REQUIRES_NEW' });
        waiting.catch(() => undefined);
        await eventually('the second to wait', async () => {
          const [row] = await suite.database.query<{ waiting: number }>(
            `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          );
          return row?.waiting === 1;
        });
      });
      return waiting!;
    }

    let ids: string[];
    beforeEach(async () => {
      ids = [await addDeadLetter(suite.database, { holdsKey: true }), await addDeadLetter(suite.database)];
    });

    it('another replay brings each back once', async () => {
      const result = await overlapping(
        () => suite.deadLetters.replayMany([...ids].reverse()),
        () => suite.deadLetters.replayMany(ids),
      );
      expect(result).toMatchObject({ replayed: [], conflicts: [], notFound: ids });
      expect(await suite.inOutbox()).toEqual(ids);
    });

    it('a discard does what comes first', async () => {
      const result = await overlapping(
        () => suite.deadLetters.discard(ids[0]!),
        () => suite.deadLetters.replayMany(ids),
      );
      expect(result).toMatchObject({ replayed: [ids[1]], notFound: [ids[0]] });
      expect([await suite.inOutbox(), await suite.dead()]).toEqual([[ids[1]], []]);
    });

    it('a release of the key brings it back all the same', async () => {
      await overlapping(
        () => suite.deadLetters.release('key-1'),
        () => suite.deadLetters.replay(ids[0]!),
      );
      expect([await suite.inOutbox(), await suite.dead()]).toEqual([[ids[0]], [ids[1]]]);
    });

    it('an event of the same id is added, stays a dead letter', async () => {
      const result = await overlapping(
        () => suite.app.outbox.addEvent(anEvent({ id: ids[0]! })),
        () => suite.deadLetters.replayMany(ids),
      );
      expect(result).toMatchObject({ replayed: [ids[1]], conflicts: [ids[0]] });
      expect(await suite.dead()).toEqual([ids[0]]);
    });
  });

  it('is delivered at once, after the commit, though the next poll is an hour away', async () => {
    const publisher = new InProcessPublisher();
    const received: OutboxMessage[] = [];
    publisher.subscribe('replayed', (message) => void received.push(message));
    const relay = await startOutboxApp({ url: suite.database.url, outbox: { publisher, pollIntervalSeconds: 3600 } });
    await relay.dataSource.transaction(() => relay.outbox.addEvent(anEvent({ topic: 'replayed' })));
    await eventually('the relay to be at rest', async () => (await relay.outbox.stats()).pending === 0);
    const [byItself, inTransaction] = [
      await addDeadLetter(suite.database, { topic: 'replayed', eventData: '{"b":1,"a":1.0}' }),
      await addDeadLetter(suite.database, { topic: 'replayed' }),
    ];
    const ofRelay = relay.module.get(OutboxDeadLetters);
    const replayId = await ofRelay.replay(byItself);
    const message = await eventually('the first', () => received[1]);
    expect(message).toMatchObject({ id: byItself, key: 'key-1', value: '{"b":1,"a":1.0}' });
    expect(message.headers).toMatchObject({ ce_id: byItself, 'outbox-replay': replayId });
    await relay.dataSource.transaction(() => ofRelay.replay(inTransaction));
    await eventually('the second', () => received[2]?.id === inTransaction);
    await relay.close();
  });
});
