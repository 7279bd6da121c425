import { InboxDeadLetters, type InboxDeadLetter } from 'nestjs-outboxed';
import { aRecord } from '../support/inbox-messages';
import { CONSUMER, InboxSuite, nothing } from '../support/inbox-suite';

describe('A message that is given up', () => {
  const suite = InboxSuite.declare();
  const failure = new Error('no stock');
  const fail = (record = aRecord({ id: 'a' }), options = {}): Promise<unknown> =>
    suite.deliver(record, suite.shipThenFail('a', failure), { maxAttempts: 1, ...options });
  const letters = async (): Promise<readonly InboxDeadLetter[]> =>
    (await suite.app.module.get(InboxDeadLetters).list()).deadLetters;

  it('becomes a dead letter with all that was received, and is skipped from then on', async () => {
    const key = Buffer.from([0, 255, 128, 1]);
    const value = Buffer.from([0, 1, 2, 254, 255]);
    const headers = {
      zeta: '1',
      'x-tenant': 'größe 1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    const record = aRecord({
      id: 'a',
      topic: 'orders.eu',
      partition: 4,
      offset: '9007199254740993',
      key,
      value,
      headers,
    });
    await expect(fail(record, { maxAttempts: 2 })).rejects.toBe(failure);
    expect(await letters()).toEqual([]);
    await expect(fail(record, { maxAttempts: 2 })).resolves.toEqual({ status: 'dead', error: failure });
    expect(await letters()).toEqual([
      {
        seq: expect.stringMatching(/^\d+$/) as string,
        consumer: CONSUMER,
        messageId: 'a',
        replayId: '',
        topic: 'orders.eu',
        partition: 4,
        offset: '9007199254740993',
        key,
        value,
        headers: { ...headers, ce_id: 'a' },
        attempts: 2,
        reason: 'Error: no stock',
        diedAt: expect.any(Date) as Date,
      },
    ]);
    const [{ age } = { age: NaN }] = await suite.database.query<{ age: number }>(
      'select extract(epoch from clock_timestamp() - died_at)::float8 as age from event_inbox_dead_letter',
    );
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(60);
    const handler = jest.fn();
    await expect(suite.deliver(record, handler)).resolves.toEqual({ status: 'skipped' });
    expect(handler).not.toHaveBeenCalled();
    expect(await suite.left()).toEqual({ ...nothing, handled: ['a'] });
  });

  it('is told in the log, once, with the reason and without what it carries', async () => {
    await fail(aRecord({ id: 'a', value: '{"secret":"hush"}' }));
    await fail();
    expect(suite.logs.filter((line) => line.includes('given up'))).toEqual([
      `The consumer ${CONSUMER} has given up the message a of the topic orders after 1 failed attempts: Error: no stock. It is a dead letter of the inbox.`,
    ]);
    expect(suite.logs.join()).not.toContain('hush');
  });

  it('keeps key and value where there are none, and where they are empty', async () => {
    await fail(aRecord({ id: 'a', key: null, value: null }));
    await fail(aRecord({ id: 'b', key: '', value: '' }));
    expect(await letters()).toMatchObject([
      { key: null, value: null },
      { key: Buffer.alloc(0), value: Buffer.alloc(0) },
    ]);
  });

  it("is kept as JSON where Nest's transport has parsed it", async () => {
    const parsed = {
      ...aRecord().message,
      key: { id: 7 },
      value: { n: 1, list: ['x'] },
      headers: { ce_id: 'a', more: { n: 2 } },
    };
    await fail({ topic: 'orders', partition: 0, message: parsed });
    const [letter] = await letters();
    expect([String(letter?.key), String(letter?.value)]).toEqual(['{"id":7}', '{"n":1,"list":["x"]}']);
    expect(letter?.headers).toEqual({ ce_id: 'a', more: '{"n":2}' });
  });

  it('keeps the first of headers that stand twice, and takes a NUL in one', async () => {
    const { message } = aRecord({ id: 'a', headers: { nul: 'a\0b' } });
    const headers = { ...message.headers, twice: [Buffer.from('1'), Buffer.from('2')], none: undefined };
    await fail({ topic: 'orders', partition: 0, message: { ...message, headers } });
    expect((await letters())[0]?.headers).toEqual({ ce_id: 'a', nul: 'a\ufffdb', twice: '1' });
  });

  it('is given up by one consumer alone', async () => {
    await fail();
    await expect(suite.deliver(aRecord({ id: 'a' }), () => undefined, { consumer: 'billing' })).resolves.toEqual({
      status: 'processed',
    });
    expect(await letters()).toMatchObject([{ consumer: CONSUMER }]);
  });

  it('is one dead letter, also if several deliveries fail at the same time', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => fail(undefined, { maxAttempts: 3 })));
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(2);
    expect(await letters()).toMatchObject([{ messageId: 'a', attempts: 3 }]);
  });
});
