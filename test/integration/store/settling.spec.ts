import { randomUUID } from 'node:crypto';
import type { LaneClaim } from '../../../lib/store/lane-fence';
import { OutboxTables } from '../../../lib/store/outbox-tables';
import { renewLanes } from '../../../lib/store/renew-lanes';
import { SettlePublished } from '../../../lib/store/settle-published';
import { settleRejected } from '../../../lib/store/settle-rejected';
import { takeLanes } from '../../../lib/store/take-lanes';
import { createDatabase, type TestDatabase } from '../support/database';
import { anEvent, startOutboxApp, type OutboxApp } from '../support/outbox-app';

interface Row {
  readonly seq: number;
  readonly published: string | null;
  readonly attempts: number;
}

describe('The statements that settle', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let tables: OutboxTables;
  let claim: LaneClaim;
  let seqs: number[];

  const rows = (): Promise<Row[]> =>
    database.query<Row>(
      'select seq::int as seq, published_at::text as published, attempts::int as attempts from event_outbox order by seq',
    );
  const publish = (by: LaneClaim): Promise<readonly number[]> =>
    new SettlePublished(tables, true, true).run(app.dataSource, by, seqs);
  const reject = (by: LaneClaim): Promise<readonly number[]> =>
    settleRejected(
      app.dataSource,
      tables,
      by,
      seqs.map((seq) => ({ seq, reason: 'too large', retryInSeconds: 60 })),
      false,
    );

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({ url: database.url });
    tables = new OutboxTables(app.dataSource, 'default');
    const identity = { owner: randomUUID(), leaseSeconds: 60, lifeLock: null };
    await renewLanes(app.dataSource, tables, identity);
    claim = { owner: identity.owner, lanes: (await takeLanes(app.dataSource, tables, identity)).taken };
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });
  beforeEach(async () => {
    await database.query('delete from event_outbox');
    await app.dataSource.transaction(() => app.outbox.addEvents([anEvent(), anEvent({ aggregateId: 'item-2' })]));
    seqs = (await rows()).map(({ seq }) => seq);
  });

  const withoutRight: [string, () => LaneClaim][] = [
    ['somebody else, who knows the epoch', () => ({ ...claim, owner: randomUUID() })],
    [
      'the owner, by a lease that it has lost and got again since',
      () => ({
        ...claim,
        lanes: claim.lanes.map(({ lane, epoch }) => ({ lane, epoch: String(BigInt(epoch) - 1n) })),
      }),
    ],
  ];

  it.each(withoutRight)('change nothing for %s', async (_, by) => {
    const before = await rows();
    expect(await publish(by())).toEqual([]);
    expect(await reject(by())).toEqual([]);
    expect(await rows()).toEqual(before);
  });

  it('change an event once: what was delivered is neither delivered later nor refused', async () => {
    expect(await publish(claim)).toEqual(seqs);
    const delivered = await rows();
    expect(delivered).toEqual(seqs.map((seq) => ({ seq, published: expect.any(String) as string, attempts: 0 })));
    expect(await publish(claim)).toEqual([]);
    expect(await reject(claim)).toEqual([]);
    expect(await rows()).toEqual(delivered);
  });
});
