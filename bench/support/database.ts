import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { outboxEntities } from 'nestjs-outboxed';
import { DataSource, type MixedList } from 'typeorm';
import { insertBacklog, type Backlog } from './backlog';
import type { Bench } from './measure';

const STALLED_AFTER_MS = 60_000;
const LOOK_EVERY_MS = 2;
const INSUFFICIENT_PRIVILEGE = '42501';

/** Rows that are written and not yet visible. */
export interface PreparedBacklog {
  commit(): Promise<void>;
  /** Waits until each is published or deleted; the time at which it was so, as performance.now() has it. */
  settled(): Promise<number>;
}

/** A database with an empty outbox, which goes with the scope. */
export class Database {
  private constructor(
    readonly url: string,
    private readonly client: Client,
  ) {}

  static async create(
    { server, scope }: Bench,
    entities: MixedList<string | (new () => object)> = [],
  ): Promise<Database> {
    const name = `bench_${randomUUID().replaceAll('-', '')}`;
    const url = new URL(server);
    url.pathname = `/${name}`;
    await once(server, `create database ${name}`);
    scope.onEnd(() => once(server, `drop database ${name} with (force)`));
    const schema = new DataSource({
      type: 'postgres',
      url: url.href,
      entities: [...outboxEntities, ...(entities as [])],
      synchronize: true,
    });
    await schema.initialize();
    await schema.destroy();
    const client = await connect(url.href);
    scope.onEnd(() => client.end());
    return new Database(url.href, client);
  }

  async query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.client.query<Row>(sql, values)).rows;
  }

  /** Another connection, such as for a transaction that stays open. */
  async connection(scope: Bench['scope']): Promise<Client> {
    const client = await connect(this.url);
    scope.onEnd(() => client.end());
    return client;
  }

  /**
   * Writes rows that become visible all at once, when the returned backlog is committed. The planner knows of them, and nothing of them is
   * still to be written out.
   */
  async prepare(...backlogs: readonly Backlog[]): Promise<PreparedBacklog> {
    await this.query('begin');
    const [before] = await this.query<{ seq: string }>(
      `select nextval(pg_get_serial_sequence('event_outbox', 'seq'))::text as seq`,
    );
    for (const backlog of backlogs) {
      const { text, values } = insertBacklog(backlog);
      await this.query(text, values);
    }
    await this.query('analyze event_outbox');
    await this.checkpoint();
    return {
      commit: async () => {
        await this.query('commit');
      },
      settled: () => this.settledAfter(before?.seq ?? '0'),
    };
  }

  /** What autovacuum would do sooner or later. */
  async tidy(tables: readonly string[] = ['event_outbox']): Promise<void> {
    await this.query(`vacuum analyze ${tables.join(', ')}`);
  }

  /** Asks for the last ones first, which are pending for longest. */
  private async settledAfter(seq: string): Promise<number> {
    const deadline = performance.now() + STALLED_AFTER_MS;
    const pending = 'select seq from event_outbox where seq > $1 and published_at is null order by seq desc limit 1';
    for (;;) {
      const asked = performance.now();
      if ((await this.query(pending, [seq])).length === 0) {
        return asked;
      }
      if (asked > deadline) {
        throw new Error('All records are written, and their events are still pending');
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  private async checkpoint(): Promise<void> {
    try {
      await once(this.url, 'checkpoint');
    } catch (error) {
      // A database of somebody else's may not allow it, and then makes its own at some time.
      if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) {
        throw error;
      }
    }
  }
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  // The next statement reports it.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function once(url: string, sql: string): Promise<void> {
  const client = await connect(url);
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
