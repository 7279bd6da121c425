import { InProcessPublisher } from '../../../../lib/publish/in-process.publisher';
import type { OutboxMessage } from '../../../../lib/interfaces/outbox-publisher';
import { aMessage } from '../support/a-message';
import { answering, mayGoOn } from '../support/publish-context';

describe('the in-process publisher', () => {
  let publisher: InProcessPublisher;
  let seen: string[];
  beforeEach(() => {
    publisher = new InProcessPublisher();
    seen = [];
  });

  const see =
    (name = '') =>
    async ({ id }: OutboxMessage): Promise<void> => {
      await Promise.resolve();
      seen.push(name + id);
    };

  it('connects and disconnects, as there is nothing to connect to', async () => {
    await expect(publisher.connect()).resolves.toBeUndefined();
    await expect(publisher.disconnect()).resolves.toBeUndefined();
  });

  it('hands the messages of a topic to its handlers, one after the other', async () => {
    publisher.subscribe('orders', see('1:'));
    publisher.subscribe('orders', see('2:'));
    publisher.subscribe('bills', see('bill:'));
    const batch = [aMessage('a'), aMessage('b', { topic: 'bills' }), aMessage('c')];
    await expect(publisher.publish(batch, mayGoOn)).resolves.toEqual({
      outcomes: [{ status: 'published' }, { status: 'published' }, { status: 'published' }],
    });
    expect(seen).toEqual(['1:a', '2:a', 'bill:b', '1:c', '2:c']);
  });

  it('hands over the message itself', async () => {
    const handler = jest.fn();
    publisher.subscribe('orders', handler);
    const message = aMessage('a', { headers: { tenant: 'x' } });
    await publisher.publish([message], mayGoOn);
    expect(handler.mock.calls).toEqual([[message]]);
  });

  it('takes a message of a topic without handlers for published, as a broker would', async () => {
    await expect(publisher.publish([aMessage('a')], mayGoOn)).resolves.toEqual({ outcomes: [{ status: 'published' }] });
  });

  it.each([
    ['rejects', (): Promise<void> => Promise.reject(new Error('not now'))],
    [
      'throws',
      (): void => {
        throw new Error('not now');
      },
    ],
  ])('refuses a message whose handler %s, with the reason', async (_how, handler) => {
    publisher.subscribe('orders', handler);
    await expect(publisher.publish([aMessage('a')], mayGoOn)).resolves.toEqual({
      outcomes: [{ status: 'rejected', reason: 'not now' }],
    });
  });

  it('tells the reason also where it is no error', async () => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a handler may do
    publisher.subscribe('orders', () => Promise.reject('busy'));
    await expect(publisher.publish([aMessage('a')], mayGoOn)).resolves.toEqual({
      outcomes: [{ status: 'rejected', reason: 'busy' }],
    });
  });

  it('keeps the later messages of a refused key back, and of no other', async () => {
    publisher.subscribe('orders', async (message) => {
      if (message.id === 'a1') {
        throw new Error('not now');
      }
      await see()(message);
    });
    publisher.subscribe('bills', see('bill:'));
    const batch = [
      aMessage('a1', { key: 'a' }),
      aMessage('b1', { key: 'b' }),
      aMessage('a2', { key: 'a' }),
      aMessage('a3', { key: 'a', topic: 'bills' }),
      aMessage('b2', { key: 'b' }),
    ];
    const { outcomes } = await publisher.publish(batch, mayGoOn);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'published', 'retry', 'retry', 'published']);
    expect(seen).toEqual(['b1', 'b2']);
  });

  it('begins anew with the next batch', async () => {
    const handler = jest.fn().mockRejectedValueOnce(new Error('not now')).mockResolvedValue(undefined);
    publisher.subscribe('orders', handler);
    await publisher.publish([aMessage('a')], mayGoOn);
    await expect(publisher.publish([aMessage('a')], mayGoOn)).resolves.toEqual({ outcomes: [{ status: 'published' }] });
  });

  it('asks before each message whether it may go on', async () => {
    publisher.subscribe('orders', see());
    const context = answering(true, true, false);
    const { outcomes } = await publisher.publish(
      ['a', 'b', 'c', 'd'].map((id) => aMessage(id)),
      context,
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['published', 'published', 'retry', 'retry']);
    expect(seen).toEqual(['a', 'b']);
  });

  it('does not go on where it was told to stop and may again: the key of a message would have been passed over', async () => {
    publisher.subscribe('orders', see());
    const batch = ['1', '2', '3'].map((id) => aMessage(id, { key: 'k' }));
    const { outcomes } = await publisher.publish(batch, answering(false, true));
    expect(outcomes.map(({ status }) => status)).toEqual(['retry', 'retry', 'retry']);
    expect(seen).toEqual([]);
  });
});
