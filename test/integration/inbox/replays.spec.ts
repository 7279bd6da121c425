import { aRecord } from '../support/inbox-messages';
import { InboxSuite, nothing } from '../support/inbox-suite';

describe("An operator's replay of a message", () => {
  const suite = InboxSuite.declare();
  const original = aRecord({ id: 'a' });
  const replay = (id: string): typeof original => aRecord({ id: 'a', headers: { 'outbox-replay': id } });

  it('is skipped if the message was handled', async () => {
    await suite.deliver(original);
    await expect(suite.deliver(replay('r1'))).resolves.toEqual({ status: 'skipped' });
    expect((await suite.left()).effects).toEqual(['a']);
  });

  it('is handled in the place of the message if that has not come, which is skipped when it does', async () => {
    await expect(suite.deliver(replay('r1'))).resolves.toEqual({ status: 'processed' });
    await expect(suite.deliver(original)).resolves.toEqual({ status: 'skipped' });
    await expect(suite.deliver(replay('r2'))).resolves.toEqual({ status: 'skipped' });
    expect((await suite.left()).effects).toEqual(['a']);
  });

  it('is handled with onReplay "process", once for each replay', async () => {
    const onReplay = 'process';
    const statuses: string[] = [];
    for (const record of [original, original, replay('r1'), replay('r1'), replay('r2'), original, replay('r2')]) {
      statuses.push((await suite.deliver(record, () => suite.ship('a'), { onReplay })).status);
    }
    expect(statuses).toEqual(['processed', 'skipped', 'processed', 'skipped', 'processed', 'skipped', 'skipped']);
    expect((await suite.left()).effects).toEqual(['a', 'a', 'a']);
    expect((await suite.records()).map(({ id, replayId }) => [id, replayId])).toEqual([
      ['a', ''],
      ['a', 'r1'],
      ['a', 'r2'],
    ]);
  });

  it('that fails is counted apart from the message', async () => {
    const options = { onReplay: 'process', maxAttempts: 2 } as const;
    const failure = new Error('no stock');
    await suite.deliver(original, () => undefined, options);
    const failing = (): Promise<unknown> => suite.deliver(replay('r1'), suite.shipThenFail('a', failure), options);
    await expect(failing()).rejects.toBe(failure);
    await expect(failing()).resolves.toEqual({ status: 'dead', error: failure });
    expect(await suite.left()).toEqual({ ...nothing, handled: ['a', 'a'] });
    expect(await suite.records()).toMatchObject([
      { replayId: '', attempts: 0 },
      { replayId: 'r1', attempts: 2 },
    ]);
  });
});
