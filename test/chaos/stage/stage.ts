import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { outboxEntities } from 'nestjs-outboxed';
import { DataSource } from 'typeorm';
import { startParts, type DatabasePart, type KafkaPart } from '../../../tools/parts';
import { Keeper } from '../../../tools/parts/keeper/keeper';
import type { Lifecycle } from '../../../tools/start/lifecycle';
import { CONSUMERS, RELAYS, WRITERS, type ProcessParameters } from '../processes/parameters';
import { PARTITIONS, TOPICS } from '../topics';
import { FlakyProxy } from './flaky-proxy';
import { Member, type Role } from './member';
import { SmallDisk } from './small-disk';
import { installWitness, query } from './witness';

const SERVED_WITHIN_MS = 30_000;

export interface StageOptions extends Pick<ProcessParameters, 'seed' | 'folder' | 'eventsPerSecond'> {
  readonly log: (line: string) => void;
}

/** All that takes part: PostgreSQL and Kafka of its own, a proxy before each, and the processes. */
export class Stage {
  /** Processes that ended although nobody had ended them, with the last that they printed. */
  readonly crashes: string[] = [];
  readonly members: Member[];
  private isOver = false;

  private constructor(
    readonly database: DatabasePart,
    readonly kafka: KafkaPart,
    readonly databaseProxy: FlakyProxy,
    readonly kafkaProxy: FlakyProxy,
    /** Where the database has its data; undefined if that cannot be had here. */
    readonly disk: SmallDisk | undefined,
    keeper: Keeper,
    options: StageOptions,
  ) {
    const databaseUrl = new URL(database.url);
    databaseUrl.host = `127.0.0.1:${String(databaseProxy.port)}`;
    const { log, ...rest } = options;
    const parameters = { ...rest, databaseUrl: databaseUrl.href, kafkaPort: kafkaProxy.port };
    const roles: [Role, number][] = [
      ['relay', RELAYS],
      ['writer', WRITERS],
      ['consumer', CONSUMERS],
    ];
    this.members = roles.flatMap(([role, count]) =>
      Array.from({ length: count }, (_, index) => {
        return new Member(
          keeper,
          role,
          index,
          parameters,
          (member) => void this.crashed(member, log).catch((error: unknown) => log(String(error))),
        );
      }),
    );
  }

  static async open(options: StageOptions, lifecycle: Lifecycle): Promise<Stage> {
    const { log } = options;
    const disk = await SmallDisk.mount().catch((error: unknown) => {
      log(`the disk of the database will not be full: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    });
    lifecycle.onEnd(async () => disk?.unmount());
    const parts = await startParts({ own: true, log, databaseDirectory: disk?.path });
    lifecycle.onEnd(() => parts.stop());
    const { database, kafka } = parts;
    if (disk !== undefined && database.source !== 'local') {
      log('the disk of the database will not be full: it runs in a container');
    }
    await keepCommitTimes(database);
    await createTables(database.url);
    const [kafkaHost = '', kafkaPort] = (kafka.brokers[0] ?? '').split(':');
    const { hostname, port } = new URL(database.url);
    const [databaseProxy, kafkaProxy] = await Promise.all([
      FlakyProxy.start(hostname, Number(port)),
      FlakyProxy.start(kafkaHost, Number(kafkaPort)),
    ]);
    lifecycle.onEnd(() => Promise.all([databaseProxy.close(), kafkaProxy.close()]).then(() => undefined));
    const keeper = await Keeper.open({ parent: tmpdir(), prefix: 'nestjs-outboxed-chaos-processes-' });
    lifecycle.onEnd(() => keeper.close());
    const stage = new Stage(
      database,
      kafka,
      databaseProxy,
      kafkaProxy,
      database.source === 'local' ? disk : undefined,
      keeper,
      options,
    );
    // Ended first: what ends with its keeper has not ended by itself.
    lifecycle.onEnd(() => Promise.resolve(void (stage.isOver = true)));
    await stage.createTopics();
    await Promise.all(stage.members.map((member) => member.start()));
    return stage;
  }

  of(role: Role): Member[] {
    return this.members.filter((member) => member.role === role);
  }

  /** Past the proxy. */
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]> {
    return query<Row>(this.database.url, sql, values);
  }

  /** Past the proxy. */
  client(): Kafka {
    return new Kafka({
      clientId: 'chaos',
      brokers: [...this.kafka.brokers],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
    });
  }

  async admin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.client().admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  private async createTopics(): Promise<void> {
    await this.admin(async (admin) => {
      const topics = TOPICS.map((topic) => ({
        topic,
        numPartitions: PARTITIONS,
        // When the broker got it counts, not when a process that was frozen meanwhile meant to send it.
        configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
      }));
      await admin.createTopics({ topics, waitForLeaders: false });
      const deadline = Date.now() + SERVED_WITHIN_MS;
      for (;;) {
        try {
          await Promise.all(TOPICS.map((topic) => admin.fetchTopicOffsets(topic)));
          return;
        } catch (error) {
          if (Date.now() > deadline) {
            throw error;
          }
          await sleep(100);
        }
      }
    });
  }

  private async crashed(member: Member, log: (line: string) => void): Promise<void> {
    if (this.isOver) {
      return;
    }
    const { name } = member;
    const said = (await member.output()).trim().split('\n').slice(-15).join('\n');
    this.crashes.push(`${name} has ended by itself:\n${said}`);
    log(`${name} has ended by itself, and is started again`);
    await member.start();
  }
}

/** When a transaction committed is noted by the server, if it is told to from its start. */
async function keepCommitTimes(database: DatabasePart): Promise<void> {
  await query(database.url, 'alter system set track_commit_timestamp = on');
  await database.kill('SIGINT');
  await database.start();
}

async function createTables(url: string): Promise<void> {
  const dataSource = new DataSource({ type: 'postgres', url, entities: [...outboxEntities], synchronize: true });
  await dataSource.initialize();
  await dataSource.destroy();
  await installWitness(url);
}
