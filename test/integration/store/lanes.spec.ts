import { randomUUID } from 'node:crypto';
import type { OwnedLane } from '../../../lib/store/lane-fence';
import { leave } from '../../../lib/store/leave';
import { OutboxTables } from '../../../lib/store/outbox-tables';
import { releaseLanes } from '../../../lib/store/release-lanes';
import { renewLanes } from '../../../lib/store/renew-lanes';
import { takeLanes } from '../../../lib/store/take-lanes';
import { createDatabase, type TestDatabase } from '../support/database';
import { startOutboxApp, type OutboxApp } from '../support/outbox-app';

describe('The statements on lanes', () => {
  let database: TestDatabase;
  let app: OutboxApp;
  let tables: OutboxTables;

  beforeAll(async () => {
    database = await createDatabase();
    app = await startOutboxApp({ url: database.url });
    tables = new OutboxTables(app.dataSource, 'default');
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  it('never wait for each other in a circle, and never give a lane to two', async () => {
    const { dataSource } = app;
    let holders = new Map<string, string>();
    const twice: string[] = [];
    const relay = async (): Promise<void> => {
      for (let life = 0; life < 4; life++) {
        const identity = { owner: randomUUID(), leaseSeconds: 60, lifeLock: null };
        for (let round = 0; round < 10; round++) {
          const { lanes, target } = await renewLanes(dataSource, tables, identity);
          const excess = lanes.slice(target);
          await releaseLanes(dataSource, tables, { owner: identity.owner, lanes: excess });
          const { taken } = await takeLanes(dataSource, tables, identity);
          remember(identity.owner, taken);
        }
        await leave(dataSource, tables, identity.owner);
      }
    };
    const remember = (owner: string, taken: readonly OwnedLane[]): void => {
      for (const { lane, epoch } of taken) {
        const tenure = `${lane}.${epoch}`;
        if (holders.has(tenure)) {
          twice.push(tenure);
        }
        holders.set(tenure, owner);
      }
    };
    for (let start = 0; start < 5; start++) {
      // Also from the very beginning, where there are no rows yet.
      await database.query('truncate event_outbox_lane');
      holders = new Map();
      await Promise.all(Array.from({ length: 6 }, relay));
      expect(holders.size).toBeGreaterThan(64);
    }
    expect(twice).toEqual([]);
  });

  it('know the share of each of many relays: all lanes, and none twice', async () => {
    await database.query('truncate event_outbox_lane, event_outbox_relay');
    const owners = Array.from({ length: 70 }, () => ({ owner: randomUUID(), leaseSeconds: 60, lifeLock: null }));
    const joined = [];
    for (const identity of owners) {
      joined.push((await renewLanes(app.dataSource, tables, identity)).joined);
    }
    const targets = await Promise.all(
      owners.map(async (identity) => (await renewLanes(app.dataSource, tables, identity)).target),
    );
    expect(joined).toEqual(owners.map(() => true));
    expect(targets.filter((target) => target === 1)).toHaveLength(64);
    expect(targets.filter((target) => target === 0)).toHaveLength(6);
  });
});
