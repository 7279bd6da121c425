import type { InboxBatchOutcome, InboxPayloadMessage } from 'nestjs-outboxed';
import { Effect } from '../support/effect.entity';
import { aRecord, GivenBatch, idOf } from '../support/inbox-messages';
import { CONSUMER, InboxSuite, once } from '../support/inbox-suite';
import { gate } from '../support/transaction-suite';

const ROUNDS = 30;
const AT_ONCE = 6;
const SIZE = 200;

describe('Batches at the same time', () => {
  const suite = InboxSuite.declare();
  const shipAll = async (messages: readonly InboxPayloadMessage[]): Promise<void> => {
    await suite.app.dataSource.getRepository(Effect).insert(messages.map((message) => ({ eventId: idOf(message) })));
  };

  /** The same ids in another order each time; of two neighbours one is that of the other backwards. */
  const shuffled = (ids: readonly string[], n: number): string[] => {
    const turned = [...ids.slice(n * 31), ...ids.slice(0, n * 31)];
    return n % 2 === 0 ? turned : turned.reverse();
  };

  it('whose messages cross do not wait for each other for ever, and handle each message once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const ids = Array.from({ length: SIZE }, (_, n) => `round ${round} message ${n}`);
      const outcomes = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, n) =>
          suite.inbox.processBatch(new GivenBatch(shuffled(ids, n), n), shipAll, { consumer: CONSUMER }),
        ),
      );
      const sum = (what: keyof InboxBatchOutcome): number =>
        outcomes.reduce((total, outcome) => total + outcome[what], 0);
      expect([sum('processed'), sum('skipped')]).toEqual([SIZE, (AT_ONCE - 1) * SIZE]);
    }
    const { effects, handled } = await suite.left();
    expect(handled).toHaveLength(ROUNDS * SIZE);
    expect(effects).toEqual(handled);
  });

  it('and single deliveries wait for each other, and handle each message once', async () => {
    const begun = gate();
    const ending = gate();
    const batch = suite.inbox.processBatch(
      new GivenBatch(['a', 'b', 'c']),
      async (messages) => {
        await shipAll(messages);
        begun.open();
        await ending.opened;
      },
      { consumer: CONSUMER },
    );
    await begun.opened;
    const single = suite.deliver(aRecord({ id: 'b' }));
    const other = suite.inbox.processBatch(new GivenBatch(['d', 'c']), shipAll, { consumer: CONSUMER });
    await suite.waiting(2);
    ending.open();
    await expect(batch).resolves.toMatchObject({ processed: 3 });
    await expect(single).resolves.toEqual({ status: 'skipped' });
    await expect(other).resolves.toMatchObject({ processed: 1, skipped: 1 });
    expect(await suite.left()).toEqual({ ...once('a', 'b', 'c', 'd'), events: [] });
  });
});
