import { Inbox } from 'nestjs-outboxed';
import { aRecord } from '../support/inbox-messages';
import { CONSUMER, InboxSuite, once, startInboxApp } from '../support/inbox-suite';

describe('A message that is delivered again', () => {
  const suite = InboxSuite.declare();
  const failure = new Error('no stock');

  it('is skipped before the handler runs', async () => {
    const handler = jest.fn(() => suite.ship('a'));
    await expect(suite.deliver(aRecord({ id: 'a' }), handler)).resolves.toMatchObject({ status: 'processed' });
    for (let n = 0; n < 3; n++) {
      await expect(suite.deliver(aRecord({ id: 'a' }), handler)).resolves.toEqual({ status: 'skipped' });
    }
    expect(handler).toHaveBeenCalledTimes(1);
    expect(await suite.left()).toEqual(once('a'));
  });

  it('is known by its id, wherever it stands', async () => {
    await suite.deliver(aRecord({ id: 'a' }));
    const elsewhere = aRecord({ id: 'a', topic: 'copies', partition: 3, offset: '77', key: null, value: null });
    await expect(suite.deliver(elsewhere)).resolves.toEqual({ status: 'skipped' });
    await expect(suite.deliver(aRecord({ id: 'A' }))).resolves.toMatchObject({ status: 'processed' });
    await expect(suite.deliver(aRecord({ id: 'a ' }))).resolves.toMatchObject({ status: 'processed' });
    expect((await suite.left()).effects).toHaveLength(3);
  });

  it('is skipped by another process, and by one that was started later', async () => {
    await suite.deliver(aRecord({ id: 'a' }));
    const other = await startInboxApp({ url: suite.database.url });
    const handler = jest.fn();
    const outcome = await other.module.get(Inbox).process(aRecord({ id: 'a' }), handler, { consumer: CONSUMER });
    expect(outcome).toEqual({ status: 'skipped' });
    expect(handler).not.toHaveBeenCalled();
    await other.close();
  });

  it('is handled if its handler had failed, and skipped from then on', async () => {
    const record = aRecord({ id: 'a' });
    await expect(suite.deliver(record, suite.shipThenFail('a', failure))).rejects.toBe(failure);
    await expect(suite.deliver(record)).resolves.toMatchObject({ status: 'processed' });
    await expect(suite.deliver(record)).resolves.toEqual({ status: 'skipped' });
    expect(await suite.left()).toEqual(once('a'));
  });

  it('is handled once by each consumer, by its name', async () => {
    const handled: string[] = [];
    for (const consumer of ['shipping', 'billing', 'shipping', 'billing', 'Shipping']) {
      await suite.deliver(aRecord({ id: 'a' }), () => void handled.push(consumer), { consumer });
    }
    expect(handled).toEqual(['shipping', 'billing', 'Shipping']);
    expect((await suite.records()).map(({ consumer }) => consumer).sort()).toEqual(['Shipping', 'billing', 'shipping']);
  });

  it('fails for one consumer, and is skipped by another that has handled it', async () => {
    const record = aRecord({ id: 'a' });
    await suite.deliver(record);
    const failing = suite.deliver(record, suite.shipThenFail('a', failure), { consumer: 'billing' });
    await expect(failing).rejects.toBe(failure);
    await expect(suite.deliver(record)).resolves.toEqual({ status: 'skipped' });
    expect(await suite.records()).toMatchObject([
      { consumer: 'billing', handled: false, attempts: 1 },
      { consumer: CONSUMER, handled: true, attempts: 0 },
    ]);
  });
});
