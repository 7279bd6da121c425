import {
  InboxDeadLetters,
  InboxMessageIdMissingError,
  type InboxConsumerOptions,
  type InboxMessage,
} from 'nestjs-outboxed';
import { aRecord } from '../support/inbox-messages';
import { InboxSuite, nothing } from '../support/inbox-suite';

const LONGEST = 'ü'.repeat(255);

describe('A message is known by', () => {
  const suite = InboxSuite.declare();

  const idsOf = async (): Promise<string[]> => (await suite.records()).map(({ id }) => id);
  const extractor = ({ key }: InboxMessage): string => `key ${String(key)}`;

  it.each([
    ['its header ce_id, before all others', { ce_id: 'ce', id: 'debezium' }, 'ce'],
    ["Debezium's header id, before what the consumer says", { id: 'debezium' }, 'debezium'],
    ['what the consumer says, where it has neither', { other: 'x' }, 'key key-1'],
    ['an id as long as it may be', { ce_id: LONGEST }, LONGEST],
  ])('%s', async (_what, headers, id) => {
    const record = aRecord({ headers });
    await expect(suite.deliver(record, () => 1, { id: extractor })).resolves.toEqual({
      status: 'processed',
      result: 1,
    });
    await expect(suite.deliver(record, () => 2, { id: extractor })).resolves.toEqual({ status: 'skipped' });
    expect(await idsOf()).toEqual([id]);
  });

  it('what the consumer makes of any part of it', async () => {
    const record = aRecord({ topic: 'legacy', partition: 2, offset: '17', headers: { kind: 'placed' } });
    let seen: InboxMessage | undefined;
    const id = (message: InboxMessage): string => {
      seen = message;
      return `${message.topic}-${String(message.partition)}-${message.offset}`;
    };
    await suite.deliver(record, () => undefined, { id });
    expect(await idsOf()).toEqual(['legacy-2-17']);
    expect(seen).toEqual({
      topic: 'legacy',
      partition: 2,
      offset: '17',
      key: Buffer.from('key-1'),
      value: Buffer.from('{"n":1}'),
      headers: { kind: 'placed' },
      timestamp: Number(record.message.timestamp),
    });
  });

  it.each<[string, Record<string, string>, InboxConsumerOptions['id']]>([
    ['nothing, if it has no id', {}, undefined],
    ['nothing, if the consumer gives none', {}, () => undefined],
    ['nothing, if its id is empty', { ce_id: '' }, undefined],
    ['nothing, if its id is too long', { ce_id: `${LONGEST}x` }, undefined],
    [
      'nothing, if the consumer fails at finding it',
      {},
      (): string => {
        throw new Error('no key');
      },
    ],
  ])('%s: it is refused with a typed error, counted, and a dead letter in the end', async (_what, headers, id) => {
    const record = aRecord({ headers, offset: '41' });
    const handler = jest.fn();
    const options = { id, maxAttempts: 3 };
    for (let n = 1; n < 3; n++) {
      const refused = suite.deliver(record, handler, options);
      await expect(refused).rejects.toBeInstanceOf(InboxMessageIdMissingError);
      await expect(refused).rejects.toMatchObject({ code: 'OUTBOX_INBOX_MESSAGE_ID_MISSING' });
      expect(await suite.records()).toMatchObject([{ handled: false, attempts: n }]);
    }
    await expect(suite.deliver(record, handler, options)).resolves.toMatchObject({ status: 'dead' });
    await expect(suite.deliver(record, handler, options)).resolves.toEqual({ status: 'skipped' });
    expect(handler).not.toHaveBeenCalled();
    const { deadLetters } = await suite.app.module.get(InboxDeadLetters).list();
    expect(deadLetters).toMatchObject([{ topic: 'orders', offset: '41', attempts: 3 }]);
    expect(deadLetters[0]?.reason).toContain('InboxMessageIdMissingError');
  });

  it('nothing, and is counted for itself: its neighbours without an id are not', async () => {
    const refuse = (offset: string): Promise<unknown> =>
      suite.deliver(aRecord({ offset }), () => undefined, { maxAttempts: 2 }).catch(() => undefined);
    await Promise.all(['1', '2', '3'].map(refuse));
    expect((await suite.records()).map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
  });

  it('nothing, and is handled each time that it comes, with withoutId "process"', async () => {
    const handle = (): Promise<unknown> =>
      suite.deliver(aRecord(), () => suite.ship('none'), { withoutId: 'process', id: () => undefined });
    await expect(handle()).resolves.toEqual({ status: 'processed' });
    await expect(handle()).resolves.toEqual({ status: 'processed' });
    expect(await suite.left()).toEqual({ handled: [], effects: ['none', 'none'], events: ['none', 'none'] });
    // One with an id is known all the same.
    await suite.deliver(aRecord({ id: 'a' }), () => undefined, { withoutId: 'process' });
    await expect(suite.deliver(aRecord({ id: 'a' }), () => 1, { withoutId: 'process' })).resolves.toEqual({
      status: 'skipped',
    });
  });

  it('its place, where it has no id and fails: it is a dead letter after maxAttempts', async () => {
    const failure = new Error('no stock');
    const options = { withoutId: 'process', maxAttempts: 2 } as const;
    const record = aRecord({ timestamp: '1700000000000' });
    const handle = (): Promise<unknown> => suite.deliver(record, suite.shipThenFail('none', failure), options);
    await expect(handle()).rejects.toBe(failure);
    await expect(handle()).resolves.toEqual({ status: 'dead', error: failure });
    expect(await suite.left()).toEqual({ ...nothing, handled: ['orders[0]@0/1700000000000'] });
  });

  it('its place and its time: at the same place of a topic that was made anew is another one', async () => {
    const refuse = (timestamp: string): Promise<unknown> =>
      suite.deliver(aRecord({ timestamp }), () => undefined, { maxAttempts: 1 });
    await expect(refuse('1700000000000')).resolves.toMatchObject({ status: 'dead' });
    await expect(refuse('1700000000000')).resolves.toEqual({ status: 'skipped' });
    await expect(refuse('1800000000000')).resolves.toMatchObject({ status: 'dead' });
    expect(await idsOf()).toEqual(['orders[0]@0/1700000000000', 'orders[0]@0/1800000000000']);
  });

  it('its place, with the time 0 where the record says none', async () => {
    const seen: number[] = [];
    const id = ({ timestamp }: InboxMessage): undefined => void seen.push(timestamp);
    const outcome = suite.deliver(aRecord({ timestamp: '-1' }), () => undefined, { id, maxAttempts: 1 });
    await expect(outcome).resolves.toMatchObject({ status: 'dead' });
    expect(new Set(seen)).toEqual(new Set([0]));
    expect(await idsOf()).toEqual(['orders[0]@0/0']);
  });

  it('its place, however long the name of the topic is', async () => {
    const [a, b] = ['a', 'b'].map((end) => `${'t'.repeat(248)}${end}`);
    const refuse = (topic: string, offset: string): Promise<unknown> =>
      suite.deliver(aRecord({ topic, partition: 2147483647, offset, timestamp: '1700000000000' }), () => undefined, {
        maxAttempts: 1,
      });
    const last = '9223372036854775807';
    await expect(refuse(a!, last)).resolves.toMatchObject({ status: 'dead' });
    await expect(refuse(a!, last)).resolves.toEqual({ status: 'skipped' });
    await expect(refuse(b!, last)).resolves.toMatchObject({ status: 'dead' });
    const known = await idsOf();
    expect(known).toHaveLength(2);
    for (const each of known) {
      expect(each).toMatch(/^[0-9a-f]{64}\[2147483647\]@9223372036854775807\/1700000000000$/);
    }
  });
});
