import { InProcessPublisher, type OutboxMessage, type OutboxModuleOptions } from 'nestjs-outboxed';
import type { DataSourceOptions } from 'typeorm';
import { createDatabase, type TestDatabase } from './database';
import { eventually } from './eventually';
import { anEvent, startOutboxApp, type OutboxApp } from './outbox-app';

/** Namespace of the session locks that relays hold as a sign of life. */
const LIFE_LOCKS = 0x6f75746c;

/** Several applications on one database, each with a relay that delivers into one list. */
export class Relays {
  static async onNewDatabase(): Promise<Relays> {
    return new Relays(await createDatabase());
  }

  readonly received: OutboxMessage[] = [];
  private readonly apps: OutboxApp[] = [];

  private constructor(readonly database: TestDatabase) {}

  async start(outbox: OutboxModuleOptions = {}, typeorm: Partial<DataSourceOptions> = {}): Promise<OutboxApp> {
    const publisher = new InProcessPublisher();
    publisher.subscribe('items', (message) => void this.received.push(message));
    const options = outbox.relay === false ? outbox : { publisher, pollIntervalSeconds: 3600, ...outbox };
    const app = await startOutboxApp({ url: this.database.url, outbox: options, typeorm });
    this.apps.push(app);
    return app;
  }

  async stop(app: OutboxApp): Promise<void> {
    this.apps.splice(this.apps.indexOf(app), 1);
    await app.close();
  }

  /** Ends everything. */
  async end(): Promise<void> {
    await Promise.all(this.apps.splice(0).map((app) => app.close()));
    await this.database.drop();
  }

  add(app: OutboxApp, count: number): Promise<string[]> {
    const events = Array.from({ length: count }, (_, n) => anEvent({ aggregateId: `item-${String(n)}` }));
    return app.dataSource.transaction(() => app.outbox.addEvents(events));
  }

  /** How many lanes each owner has whose lease holds, the most first. */
  async shares(): Promise<number[]> {
    const rows = await this.database.query<{ n: number }>(
      'select count(*)::int as n from event_outbox_lane where expires_at > clock_timestamp() group by owner order by 1 desc',
    );
    return rows.map(({ n }) => n);
  }

  async shared(expected: readonly number[]): Promise<void> {
    const wanted = expected.join();
    await eventually(`shares of ${wanted}`, async () => (await this.shares()).join() === wanted);
  }

  /** The connections that hold a sign of life which stands in the list of relays. */
  async listeners(): Promise<number[]> {
    const rows = await this.database.query<{ pid: number }>(
      `select l.pid from pg_locks l
       join event_outbox_relay r on r.life_lock = l.objid::bigint
       where l.locktype = 'advisory' and l.classid = ${String(LIFE_LOCKS)} and l.objsubid = 2
         and l.database = (select oid from pg_database where datname = current_database())`,
    );
    return rows.map(({ pid }) => pid);
  }

  /** Waits until so many relays listen and have said so. */
  async listening(count: number): Promise<number[]> {
    return eventually(`${count} listeners`, async () => {
      const pids = await this.listeners();
      return pids.length === count && pids;
    });
  }

  async delivered(ids: readonly string[]): Promise<void> {
    const missing = (): number => {
      const there = new Set(this.received.map(({ id }) => id));
      return ids.filter((id) => !there.has(id)).length;
    };
    await eventually(`delivery of ${ids.length} events`, () => missing() === 0, { everyMs: 2 });
  }
}
